/**
 * What tools tell each other within a session, in a file that several processes share.
 *
 * - C1  The version is decided under the file's write lock by the statement that writes: no share is lost, and a stale one
 *       changes nothing.
 * - C2  What has expired counts as none, at once; it is removed when it has certainly expired.
 * - C3  What is kept is the value as its schema gave it back, masked, as JSON; what is handed out is fresh. So nobody
 *       changes what another holds.
 * - C4  What a newer program has written, or one that knows more types, is not replaced or removed by its name while it lasts.
 * - C5  Each function asks for one session. Nothing of another is ever in an answer.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { createRedactor } from "@container-kit/observability";
import type { Storage } from "@container-kit/storage";
import { contextSchema } from "../migrations.ts";
import { Breaks } from "./breaks.ts";
import { checkLimit, checkName, checkOptionalText, checkText, checkVersion } from "./checks.ts";
import { ContextTypes, toEntry } from "./context-types.ts";
import { EntryFile } from "./entry-file.ts";
import { toLabelText } from "./labels.ts";
import { takeBack } from "./produced.ts";
import { Quota } from "./quota.ts";
import { removeInBatches } from "./removal.ts";
import { Sharing } from "./sharing.ts";
import type { Written } from "./sharing.ts";
import type { NewRow, VersionRow } from "./tables.ts";
import type {
  ContextEntry,
  ContextQuery,
  ContextStore,
  ContextStoreOptions,
  ContextType,
  ContextUsage,
  EntryName,
  NewContextEntry,
} from "./types.ts";

const MAX_SESSION_BYTES = 64 * 1024 * 1024;
const MAX_TOTAL_BYTES = 512 * 1024 * 1024;
const EXPORTED_AT_ONCE = 16;

/** A context store on an open storage, whose file it brings to its schema. */
export function createContextStore(storage: Storage, options: ContextStoreOptions = {}): ContextStore {
  storage.migrate(contextSchema);
  return new StoredContext(new EntryFile(storage, options.clock), options);
}

class StoredContext implements ContextStore {
  readonly #file: EntryFile;
  readonly #types: ContextTypes;
  readonly #sharing: Sharing;
  readonly #quota: Quota;
  readonly #events: ContextStoreOptions["events"];

  constructor(file: EntryFile, options: ContextStoreOptions) {
    this.#file = file;
    this.#types = new ContextTypes(options.types ?? [], options.logger);
    this.#sharing = new Sharing({ file, types: this.#types, redactor: options.redactor ?? createRedactor() });
    this.#events = options.events;
    this.#quota = new Quota({
      file,
      removeExpired: (sessionId) => this.#removeExpired(sessionId),
      maxSessionBytes: options.maxSessionBytes ?? MAX_SESSION_BYTES,
      maxTotalBytes: options.maxTotalBytes ?? MAX_TOTAL_BYTES,
    });
  }

  register(type: ContextType): void {
    this.#types.register(type);
  }

  types(): readonly string[] {
    return this.#types.names();
  }

  async share(entry: NewContextEntry): Promise<ContextEntry> {
    const row = this.#sharing.toRow(entry);
    const { version, present } = await this.#write(row);
    if (version === undefined) throw this.#sharing.refusal(row, row.expected, present);
    const { session, type, key, tool, execution } = row;
    this.#tell("context.shared", { type, key, version, tool }, session, execution);
    return toEntry(row, version, JSON.parse(row.value));
  }

  async get(name: EntryName): Promise<ContextEntry | undefined> {
    checkName(name);
    const row = this.#file.find(name);
    if (row === undefined) return undefined;
    if (this.#file.isLive(row)) return this.#types.entryOf(row);
    this.#file.meet(name);
    return undefined;
  }

  async query(query: ContextQuery): Promise<readonly ContextEntry[]> {
    checkText("sessionId", query.sessionId);
    checkOptionalText("type", query.type);
    checkOptionalText("tool", query.tool);
    checkOptionalText("executionId", query.executionId);
    const limit = checkLimit(query.limit);
    const { page, pageOfType } = this.#file.prepared;
    const statement = query.type === undefined ? page : pageOfType;
    const labels = toLabelText(query.labels);
    const asked = {
      session: query.sessionId,
      type: query.type ?? null,
      tool: query.tool ?? null,
      execution: query.executionId ?? null,
      labels: labels === "{}" ? null : labels,
      now: this.#file.now(),
      limit,
    };
    const found: ContextEntry[] = [];
    const breaks = new Breaks();
    let before = { beforeSeq: Number.MAX_SAFE_INTEGER, beforeType: "", beforeKey: "" };
    for (;;) {
      const rows = this.#file.read(() => statement.all({ ...asked, ...before }));
      for (const row of rows) {
        const entry = found.length < limit ? this.#types.entryOf(row) : undefined;
        if (entry !== undefined) found.push(entry);
        if (breaks.isDue(row.size)) await nextTurn();
      }
      const last = rows.at(-1);
      if (last === undefined || rows.length < limit || found.length === limit) return found;
      before = { beforeSeq: last.seq, beforeType: last.type, beforeKey: last.key };
    }
  }

  async history(name: EntryName): Promise<readonly ContextEntry[]> {
    checkName(name);
    const row = this.#file.find(name);
    return row === undefined ? [] : this.#historyOf(row);
  }

  async remove(name: EntryName & { readonly expectedVersion?: number }): Promise<boolean> {
    checkName(name);
    const { sessionId: session, type, key, expectedVersion } = name;
    checkVersion(expectedVersion);
    const file = this.#file;
    const refused = await file.commit((): VersionRow | boolean => {
      const row = file.prepared.find.get({ session, type, key });
      if (row === undefined || !file.isLive(row)) return true;
      if (!this.#types.knows(row) || (expectedVersion ?? row.version) !== row.version) return row;
      file.prepared.remove.run({ session, type, key });
      return false;
    });
    if (typeof refused === "object") throw this.#sharing.refusal(refused, expectedVersion ?? null, refused);
    if (refused) return false;
    this.#quota.forget(session);
    this.#tell("context.removed", { type, key, why: "removed" }, session);
    return true;
  }

  async removeProduced(sessionId: string, executionId: string): Promise<number> {
    checkText("sessionId", sessionId);
    checkText("executionId", executionId);
    const gone = await this.#file.commit(() => takeBack(this.#file.prepared, sessionId, executionId));
    if (gone.length > 0) this.#quota.forget(sessionId);
    for (const { type, key, version } of gone) {
      this.#tell("context.removed", { type, key, version, why: "undone" }, sessionId, executionId);
    }
    return gone.length;
  }

  async removeSession(sessionId: string): Promise<void> {
    checkText("sessionId", sessionId);
    await removeInBatches(this.#file, { sessionId, by: Number.MAX_SAFE_INTEGER });
    this.#quota.forget(sessionId);
  }

  async exportSession(sessionId: string): Promise<readonly unknown[]> {
    checkText("sessionId", sessionId);
    const { inOrder } = this.#file.prepared;
    const exported: unknown[] = [];
    const breaks = new Breaks();
    let after = { type: "", key: "" };
    for (;;) {
      const asked = { session: sessionId, ...after, now: this.#file.now(), limit: EXPORTED_AT_ONCE };
      const rows = this.#file.read(() => inOrder.all(asked));
      for (const row of rows) {
        const [present, ...history] = this.#historyOf(row);
        if (present?.version === row.version) exported.push({ ...present, history });
        const size = history.reduce((sum, earlier) => sum + earlier.size, row.size);
        if (breaks.isDue(size)) await nextTurn();
      }
      const last = rows.at(-1);
      if (last === undefined || rows.length < EXPORTED_AT_ONCE) return exported;
      after = { type: last.type, key: last.key };
      await nextTurn();
    }
  }

  async usage(sessionId?: string): Promise<ContextUsage> {
    if (sessionId !== undefined) checkText("sessionId", sessionId);
    return this.#quota.usage(sessionId);
  }

  async sweep({ signal }: { readonly signal?: AbortSignal } = {}): Promise<number> {
    return this.#removeExpired(undefined, signal);
  }

  async #write(row: NewRow): Promise<Written> {
    const taken = this.#quota.take(row.session, row.size);
    // Not awaited where there is nothing to wait for: the common share is done in one turn.
    const release = taken === undefined ? undefined : await taken;
    try {
      return await this.#file.commit(() => this.#sharing.write(row));
    } finally {
      release?.();
    }
  }

  #historyOf(row: VersionRow): readonly ContextEntry[] {
    if (!this.#file.isLive(row)) return [];
    const rows = [row, ...this.#file.read(() => this.#file.prepared.past.all({ ...row }))];
    return rows.flatMap((each) => (this.#file.isLive(each) ? (this.#types.entryOf(each) ?? []) : []));
  }

  async #removeExpired(sessionId?: string, signal?: AbortSignal): Promise<number> {
    const removed = await this.#file.removeExpired(sessionId, signal);
    if (removed === 0) return 0;
    this.#quota.forget(sessionId);
    this.#tell("context.removed", { why: "expired", count: removed }, sessionId ?? null);
    return removed;
  }

  #tell(type: string, data: Readonly<Record<string, unknown>>, sessionId: string | null, executionId?: string): void {
    this.#events?.publishSoon({ type, sessionId, ...(executionId === undefined ? {} : { executionId }), data });
  }
}
