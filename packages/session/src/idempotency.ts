/**
 * Idempotency keys: one effect per key, however often and from however many processes it is asked for.
 *
 * - I1  Looking a key up and claiming it is one transaction under the write lock.
 * - I2  A claim whose process died is void, whether or not anybody has cleaned up: its execution cannot end any more.
 * - I3  Only the process that claimed a key settles or releases it.
 * - I4  The outcome is kept whole: the repeated call answers exactly what the first did.
 */
import type { Database } from "@container-kit/storage";
import { and, eq, isNull, sql } from "drizzle-orm";
import { fromJsonText, toWholeJsonText } from "./json-text.ts";
import type { Owners } from "./owners.ts";
import { idempotencyKeys as keys } from "./tables.ts";
import type { IdempotencyClaim, Timestamp } from "./types.ts";

/** A wish to be the one execution of a key. */
interface ClaimRequest {
  readonly key: string;
  readonly fingerprint: string;
  readonly executionId: string;
}

/** The idempotency keys of all sessions. */
export interface IdempotencyKeys {
  claim(request: ClaimRequest, now: Timestamp): Promise<IdempotencyClaim>;
  settle(key: string, outcome: unknown): Promise<void>;
  release(key: string): Promise<void>;
  /** Gives all of an owner's pending claims up. Inside a write of the state. */
  releaseAll(owner: number): void;
}

export function createIdempotencyKeys(state: Database, owners: Owners): IdempotencyKeys {
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
    async settle(key, outcome) {
      const owner = await owners.key();
      await state.write(() => prepared.settle.run({ key, owner, outcome: toWholeJsonText(outcome) }));
    },
    async release(key) {
      const owner = await owners.key();
      await state.write(() => prepared.release.run({ key, owner }));
    },
    releaseAll(owner) {
      prepared.releaseAll.run({ owner });
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
  };
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
        },
      })
      .prepare(),
    settle: statements
      .update(keys)
      .set({ outcome: sql`${sql.placeholder("outcome")}` })
      .where(and(eq(keys.key, key), pendingOf))
      .prepare(),
    release: statements
      .delete(keys)
      .where(and(eq(keys.key, key), pendingOf))
      .prepare(),
    releaseAll: statements.delete(keys).where(pendingOf).prepare(),
  };
}
