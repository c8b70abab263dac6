/**
 * Idempotency keys: one effect per key, however often and from however many processes it is asked for.
 *
 * - I1  Looking a key up and claiming it is one transaction under the write lock.
 * - I2  A claim whose process died is void, whether or not anybody has cleaned up: its execution cannot end any more.
 * - I3  Only the process that claimed a key settles or releases it.
 * - I4  The outcome is kept whole: the repeated call answers exactly what the first did. A settled key is kept for a
 *       week after it was settled; a pending one as long as its process lives.
 * - I5  With a key the undo notes of its execution are forgotten, in one commit: what every repetition is told of as
 *       done must not be undone after a death.
 */
import type { Database } from "@container-kit/storage";
import { and, eq, isNull, lt, sql } from "drizzle-orm";
import { fromJsonText, toWholeJsonText } from "./json-text.ts";
import type { Owners } from "./owners.ts";
import { idempotencyKeys as keys } from "./state-tables.ts";
import type { IdempotencyClaim, Timestamp } from "./types.ts";
import type { UndoNotes } from "./undo.ts";

/** A wish to be the one execution of a key. */
interface ClaimRequest {
  readonly key: string;
  readonly fingerprint: string;
  readonly executionId: string;
  /** Null where it is not known. */
  readonly sessionId: string | null;
}

/** The idempotency keys of all sessions. */
export interface IdempotencyKeys {
  claim(request: ClaimRequest, now: Timestamp): Promise<IdempotencyClaim>;
  settle(key: string, outcome: unknown, now: Timestamp): Promise<void>;
  release(key: string): Promise<void>;
  /** Gives all of an owner's pending claims up. Inside a write of the state. */
  releaseAll(owner: number): void;
  /** Forgets the keys that were settled before a moment; says how many. */
  prune(before: Timestamp): Promise<number>;
  /** Forgets the keys of a session. Inside a write of the state. */
  forgetSession(sessionId: string): void;
}

/** So many keys in one transaction. */
const PRUNED_AT_ONCE = 100;

export function createIdempotencyKeys(
  state: Database,
  owners: Owners,
  undo: Pick<UndoNotes, "forget">,
): IdempotencyKeys {
  const prepared = prepare(state);
  const isVoid = ({ outcome, owner }: typeof keys.$inferSelect): boolean => outcome === null && !owners.hasWork(owner);
  return {
    async claim(request, now) {
      const owner = await owners.key();
      return state.write(() => {
        const row = prepared.find.get({ key: request.key });
        if (row === undefined || isVoid(row)) {
          prepared.claim.run({ ...request, owner, now });
          return { state: "claimed" };
        }
        return describe(row, request.fingerprint);
      });
    },
    async settle(key, outcome, now) {
      const owner = await owners.key();
      const text = toWholeJsonText(outcome);
      await state.write(() => {
        const settled = prepared.settle.get({ key, owner, outcome: text, now });
        // I5
        if (settled !== undefined) undo.forget(settled.executionId);
      });
    },
    async release(key) {
      const owner = await owners.key();
      await state.write(() => prepared.release.run({ key, owner }));
    },
    releaseAll(owner) {
      prepared.releaseAll.run({ owner });
    },
    async prune(before) {
      for (let pruned = 0; ;) {
        const { changes } = await state.write(() => prepared.prune.run({ before, rows: PRUNED_AT_ONCE }));
        pruned += changes;
        if (changes < PRUNED_AT_ONCE) return pruned;
      }
    },
    forgetSession(sessionId) {
      prepared.forgetSession.run({ sessionId });
    },
  };
}

function describe(row: typeof keys.$inferSelect, fingerprint: string): IdempotencyClaim {
  if (row.fingerprint !== fingerprint) return { state: "mismatch" };
  if (row.outcome === null) return { state: "pending", executionId: row.executionId };
  return { state: "settled", outcome: fromJsonText(row.outcome) };
}

function prepare({ statements }: Database) {
  const key = sql.placeholder("key");
  const owner = sql.placeholder("owner");
  const claimed = {
    fingerprint: sql.placeholder("fingerprint"),
    executionId: sql.placeholder("executionId"),
    owner,
    claimedAt: sql.placeholder("now"),
    sessionId: sql.placeholder("sessionId"),
  };
  const settled = statements
    .select({ key: keys.key })
    .from(keys)
    .where(lt(keys.settledAt, sql.placeholder("before")))
    .limit(sql.placeholder("rows"));
  const pendingOf = and(eq(keys.owner, owner), isNull(keys.outcome));
  return {
    find: statements.select().from(keys).where(eq(keys.key, key)).prepare(),
    claim: statements
      .insert(keys)
      .values({ key, ...claimed })
      .onConflictDoUpdate({
        target: keys.key,
        set: {
          fingerprint: sql`excluded.fingerprint`,
          executionId: sql`excluded.execution_id`,
          owner: sql`excluded.owner`,
          claimedAt: sql`excluded.claimed_at`,
          sessionId: sql`excluded.session_id`,
        },
      })
      .prepare(),
    settle: statements
      .update(keys)
      .set({ outcome: sql`${sql.placeholder("outcome")}`, settledAt: sql`${sql.placeholder("now")}` })
      .where(and(eq(keys.key, key), pendingOf))
      .returning({ executionId: keys.executionId })
      .prepare(),
    release: statements
      .delete(keys)
      .where(and(eq(keys.key, key), pendingOf))
      .prepare(),
    releaseAll: statements.delete(keys).where(pendingOf).prepare(),
    prune: statements
      .delete(keys)
      .where(sql`${keys.key} IN ${settled}`)
      .prepare(),
    forgetSession: statements
      .delete(keys)
      .where(eq(keys.sessionId, sql.placeholder("sessionId")))
      .prepare(),
  };
}
