/**
 * Makes rows of what is shared, and decides whether they may be written.
 *
 * - S1  All that can be refused without the file is refused before it, so that the write lock is held for one statement.
 * - S2  The order of shares rises within a process, also when the clock goes back.
 * - S3  A row is made once, with all that its statements take: a copy with one member more costs as much as finding the row.
 */
import type { Redactor } from "@container-kit/observability";
import { fail, invalid } from "../errors.ts";
import { checkName, checkText, checkTtl, checkVersion, toKept } from "./checks.ts";
import { DEFAULT_TTL_MS } from "./context-type.ts";
import type { ContextTypes } from "./context-types.ts";
import type { EntryFile } from "./entry-file.ts";
import { toLabelText } from "./labels.ts";
import type { NewRow, VersionRow } from "./tables.ts";
import type { NewContextEntry } from "./types.ts";

/** What became of it. */
export interface Written {
  /** Undefined: refused. */
  readonly version: number | undefined;
  /** What is there instead, where something is that has not expired. */
  readonly present: VersionRow | undefined;
}

/** What sharing needs of the store. */
export interface SharingParts {
  readonly file: EntryFile;
  readonly types: ContextTypes;
  readonly redactor: Pick<Redactor, "value">;
}

/** The shares of one store. */
export class Sharing {
  readonly #parts: SharingParts;
  #seq = 0;

  constructor(parts: SharingParts) {
    this.#parts = parts;
  }

  /** @throws INVALID_INPUT */
  toRow(entry: NewContextEntry): NewRow {
    const { sessionId, type: typeName, key, producer, expectedVersion } = entry;
    const { file, types, redactor } = this.#parts;
    checkName(entry);
    const type = types.need(typeName);
    checkText("producer.tool", producer.tool);
    checkText("producer.executionId", producer.executionId);
    checkVersion(expectedVersion);
    const ttlMs = entry.ttlMs ?? type.ttlMs ?? DEFAULT_TTL_MS;
    checkTtl(ttlMs);
    if (redactor.value(key) !== key) throw invalid("key", "holds what looks like a secret, which is not kept");
    const labels = toLabelText(entry.labels);
    if (redactor.value(labels) !== labels) throw invalid("labels", "hold what looks like a secret, which is not kept");
    const { text, size } = toKept(entry.value, type, redactor);
    const created = file.now();
    this.#seq = Math.max(this.#seq + 1, created * 1000);
    return {
      session: sessionId,
      type: typeName,
      key,
      seq: this.#seq,
      schema: type.version ?? 1,
      created,
      expires: created + ttlMs,
      size,
      tool: producer.tool,
      execution: producer.executionId,
      labels,
      value: text,
      expected: expectedVersion ?? null,
    };
  }

  /** Inside a transaction. */
  write(row: NewRow): Written {
    const { file } = this.#parts;
    const { share, follow, versionOf, find } = file.prepared;
    const statement = row.expected === null || row.expected === 0 ? share : follow;
    if (statement.run(row).changes > 0) return { version: versionOf.get(row)?.version, present: undefined };
    const present = find.get(row);
    return { version: undefined, present: present !== undefined && file.isLive(present) ? present : undefined };
  }

  /** Why a share or a removal was refused. */
  refusal(
    { type, key }: Pick<VersionRow, "type" | "key">,
    expected: number | null,
    present: VersionRow | undefined,
  ): Error {
    const details = { type, key, presentVersion: present?.version ?? 0, expectedVersion: expected };
    if (present !== undefined && !this.#parts.types.knows(present)) {
      return fail("CONFLICT", `${type} ${JSON.stringify(key)} was shared by a program that knows more of its type`, {
        remedy: "Use the version of Container Kit that shared it, or wait until it expires.",
        details: { ...details, producer: { tool: present.tool, executionId: present.execution } },
      });
    }
    const is = present === undefined ? "is not there" : `is at version ${present.version}`;
    return fail("CONFLICT", `${type} ${JSON.stringify(key)} ${is}, not at version ${expected ?? 0}`, {
      remedy: "Read the entry again and decide anew, with its present version.",
      details,
    });
  }
}
