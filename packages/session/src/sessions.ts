/**
 * The sessions themselves, without what happened in them.
 *
 * - S1  A use is written at once when the last written one is a second old, and otherwise only remembered: the path of
 *       a call reads one row at most, and seldom writes. A death costs at most a second of the last use.
 * - S2  Whether a session has expired is computed, never stored, and decided by clocks that agree (clocks.ts): a wall
 *       that jumps ends no session. Only {@link Sessions.expire} ends one for good.
 * - S3  Labels are kept twice, in the row and in a table for selectors, by one transaction.
 */
import type { Database } from "@container-kit/storage";
import type { Clocks } from "./clocks.ts";
import { fail, invalid, quote } from "./errors.ts";
import { newSessionId } from "./ids.ts";
import { fromJsonText, toWholeJsonText } from "./json-text.ts";
import { changeLabels } from "./labels.ts";
import { RecentUses } from "./recent-uses.ts";
import { SeenSessions } from "./seen-sessions.ts";
import type { Requirement } from "./selector.ts";
import { prepareSessions, selectPage } from "./session-statements.ts";
import type { SessionRow, SessionStatements } from "./session-statements.ts";
import type { NewSession, Session, Timestamp } from "./types.ts";

const LONGEST_METADATA = 64 * 1024;
const LIFETIME_MS = 24 * 60 * 60 * 1000;
const DISK_QUOTA_BYTES = 1024 ** 3;

/** Which sessions are asked for. */
interface SessionPage {
  readonly limit: number;
  readonly before: Timestamp;
  readonly requirements: readonly Requirement[];
}

/** The sessions of the state file. */
export interface Sessions {
  open(start: NewSession): Promise<Session>;
  find(id: string): Session | undefined;
  /** @throws SESSION_NOT_FOUND */
  get(id: string): Session;
  /** @throws SESSION_NOT_FOUND SESSION_EXPIRED */
  touch(id: string): Session;
  /** It was removed elsewhere in this process. */
  forget(id: string): void;
  expire(id: string): Promise<void>;
  label(id: string, changes: Readonly<Record<string, string | null>>): Promise<Session>;
  describe(id: string, changes: Readonly<Record<string, unknown>>): Promise<Session>;
  list(page: SessionPage): readonly Session[];
  /** Those that expired before a moment, the longest ago first. */
  listExpired(before: Timestamp, limit: number): readonly string[];
  /** @throws SESSION_NOT_FOUND */
  quotaOf(id: string): number;
}

export function createSessions(state: Database, clocks: Clocks, lifetimeMs = LIFETIME_MS): Sessions {
  const prepared = prepareSessions(state);
  const uses = new RecentUses(clocks);
  const seen = new SeenSessions(clocks);
  const toSession = (row: SessionRow): Session => describeRow(row, uses.lastOf(row.id), lifetimeMs);
  const need = (id: string): SessionRow => {
    const row = prepared.find.get({ id });
    if (row === undefined) throw notFound(id);
    return row;
  };
  return {
    ...createChanges({ state, clocks, prepared, seen, toSession, need, lifetimeMs }),
    find(id) {
      const row = state.read(() => prepared.find.get({ id }));
      return row === undefined ? undefined : toSession(row);
    },
    get: (id) => toSession(state.read(() => need(id))),
    touch(id) {
      const row = seen.get(id, () => state.read(() => need(id)));
      const session = toSession(row);
      if (row.expiredAt !== null || clocks.certain() >= session.expiresAt) throw expired(session);
      const now = clocks.wall();
      if (uses.use(id, now)) state.writeSoon(`session:${id}`, () => prepared.use.run({ id, now }));
      // What a use changes is its time, and the end with it: the row is read and its texts are parsed once.
      return now > session.lastUsedAt
        ? { ...session, lastUsedAt: now, expiresAt: session.expiresAt + now - session.lastUsedAt }
        : session;
    },
    forget: (id) => seen.forget(id),
    list(page) {
      state.flush();
      return state.read(() => selectPage(state, page)).map(toSession);
    },
    listExpired: (before, limit) =>
      state.read(() => prepared.expired.all({ before, limit, lifetimeMs })).map((row) => row.id),
    quotaOf: (id) => state.read(() => need(id)).diskQuota ?? DISK_QUOTA_BYTES,
  };
}

/** What the functions that change sessions share. */
interface ChangeParts {
  readonly state: Database;
  readonly clocks: Clocks;
  readonly prepared: SessionStatements;
  readonly seen: SeenSessions;
  readonly toSession: (row: SessionRow) => Session;
  /** @throws SESSION_NOT_FOUND */
  readonly need: (id: string) => SessionRow;
  readonly lifetimeMs: number;
}

function createChanges(parts: ChangeParts): Pick<Sessions, "open" | "expire" | "label" | "describe"> {
  const { state, clocks, prepared, seen, toSession, need } = parts;
  const change = async (id: string, work: (row: SessionRow) => void): Promise<Session> => {
    const changed = await state.write(() => {
      work(need(id));
      return toSession(need(id));
    });
    seen.forget(id);
    return changed;
  };
  const setLabels = (id: string, changes: Readonly<Record<string, string | null>>): void => {
    for (const [key, value] of Object.entries(changes)) {
      if (value === null) prepared.removeLabel.run({ id, key });
      else prepared.setLabel.run({ id, key, value });
    }
  };
  return {
    async open({ labels = {}, metadata = {}, lifetimeMs = parts.lifetimeMs, diskQuotaBytes = DISK_QUOTA_BYTES }) {
      const now = clocks.wall();
      const row: SessionRow = {
        id: newSessionId(),
        createdAt: now,
        lastUsedAt: now,
        labels: JSON.stringify(changeLabels({}, labels)),
        metadata: toMetadataText(metadata),
        lifetimeMs: positive("lifetimeMs", lifetimeMs),
        expiredAt: null,
        diskQuota: positive("diskQuotaBytes", diskQuotaBytes),
      };
      await state.write(() => {
        prepared.insert.run({ ...row });
        setLabels(row.id, labels);
      });
      return toSession(row);
    },
    async expire(id) {
      await change(id, () => prepared.expire.run({ id, now: clocks.wall() }));
    },
    label: (id, changes) =>
      change(id, (row) => {
        const labels = changeLabels(fromObjectText(row.labels) as Record<string, string>, changes);
        prepared.writeLabels.run({ id, labels: JSON.stringify(labels) });
        setLabels(id, changes);
      }),
    describe: (id, changes) =>
      change(id, (row) => {
        const entries = Object.entries({ ...fromObjectText(row.metadata), ...changes });
        const kept = Object.fromEntries(entries.filter(([, value]) => value !== null && value !== undefined));
        prepared.describe.run({ id, metadata: toMetadataText(kept) });
      }),
  };
}

function describeRow(row: SessionRow, lastUse: Timestamp, lifetimeMs: number): Session {
  const lastUsedAt = Math.max(row.lastUsedAt, lastUse);
  const end = lastUsedAt + (row.lifetimeMs ?? lifetimeMs);
  return {
    id: row.id,
    createdAt: row.createdAt,
    lastUsedAt,
    expiresAt: row.expiredAt === null ? end : Math.min(row.expiredAt, end),
    labels: fromObjectText(row.labels) as Readonly<Record<string, string>>,
    metadata: fromObjectText(row.metadata),
  };
}

/** The refusal of an id that no session has. */
export function notFound(id: string): Error {
  return fail("SESSION_NOT_FOUND", `there is no session ${quote(id)}`);
}

function expired({ id, lastUsedAt, expiresAt }: Session): Error {
  const [last, end] = [lastUsedAt, expiresAt].map((at) => new Date(at).toISOString());
  return fail("SESSION_EXPIRED", `session ${quote(id)} was last used at ${last} and expired at ${end}`);
}

function toMetadataText(metadata: Readonly<Record<string, unknown>>): string {
  const text = toWholeJsonText(metadata);
  if (!text.startsWith("{")) throw invalid("metadata", "expected an object");
  if (Buffer.byteLength(text) > LONGEST_METADATA)
    throw invalid("metadata", `it is over ${LONGEST_METADATA} bytes of JSON`);
  return text;
}

function positive(path: string, value: number): number {
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw invalid(path, "expected a whole number above 0");
}

const NOTHING: Readonly<Record<string, unknown>> = Object.freeze({});

function fromObjectText(text: string): Readonly<Record<string, unknown>> {
  return text === "{}" ? NOTHING : (fromJsonText(text) as Readonly<Record<string, unknown>>);
}
