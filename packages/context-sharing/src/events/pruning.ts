/**
 * Removes events, a few at a time.
 *
 * - N1  Each transaction removes a bounded number, and other work has its turn in between (after-batch.ts).
 * - N2  What goes for its age or number goes from the oldest on, and the place up to which it went is kept with it: who
 *       was behind learns of it. A moment that lies ahead, of a clock that was set back since, holds nothing up.
 * - N3  A name that nobody holds and nobody has used for 30 days is forgotten.
 */
import type { Storage } from "@container-kit/storage";
import { asc, eq, inArray, lte, sql } from "drizzle-orm";
import { afterBatch } from "../after-batch.ts";
import { isHeld } from "./place.ts";
import { eventFloor, eventPlaces, events, sequences } from "./tables.ts";

/** What is kept. */
export interface EventLimits {
  readonly maxAgeMs: number;
  readonly maxCount: number;
}

const BATCH = 500;
const NAME_LIFETIME_MS = 30 * 24 * 60 * 60 * 1000;

/** Removals from the events' tables. */
export class EventPruning {
  readonly #storage: Storage;
  readonly #statements: PruningStatements;

  /** @param storage after its migration */
  constructor(storage: Storage) {
    this.#storage = storage;
    this.#statements = preparePruning(storage);
  }

  /** @returns how many events went, until all was done or the signal said so @throws STORE_* */
  async prune({ maxAgeMs, maxCount }: EventLimits, signal: AbortSignal | undefined): Promise<number> {
    const { shared } = this.#storage;
    let gone = 0;
    for (;;) {
      if (signal?.aborted === true) return gone;
      const now = this.#storage.certainTime();
      const removed = await shared.write(() => this.#removeOldest(now, now - maxAgeMs, maxCount));
      gone += removed;
      if (removed < BATCH) break;
      await afterBatch();
    }
    await this.#forgetNames();
    return gone;
  }

  /** @throws STORE_* */
  async removeSession(sessionId: string): Promise<void> {
    const remove = (): number => this.#statements.removeOfSession.run({ sessionId }).changes;
    while ((await this.#storage.shared.write(remove)) === BATCH) await afterBatch();
  }

  #removeOldest(now: number, before: number, maxCount: number): number {
    const tooMany = (this.#statements.last.get()?.seq ?? 0) - maxCount;
    const oldest = this.#statements.oldest.all();
    let removed = 0;
    for (const [index, { seq, at }] of oldest.entries()) {
      if (seq <= tooMany || at < before) removed = index + 1;
      else if (at <= now) break;
    }
    const until = oldest[removed - 1]?.seq;
    if (until === undefined) return 0;
    this.#statements.remove.run({ until });
    this.#statements.raiseFloor.run({ until });
    return removed;
  }

  async #forgetNames(): Promise<void> {
    const unused = this.#storage.certainTime() - NAME_LIFETIME_MS;
    const { shared } = this.#storage;
    const names = shared
      .read(() => this.#statements.places.all({ unused }))
      .filter(({ holder }) => !isHeld(this.#storage, holder))
      .map(({ name }) => name);
    if (names.length === 0) return;
    await shared.write(() => {
      // Asked again under the lock: one of them may have been taken up meanwhile.
      const still = this.#statements.places.all({ unused }).filter(({ holder }) => !isHeld(this.#storage, holder));
      for (const { name } of still) if (names.includes(name)) this.#statements.forget.run({ name });
    });
  }
}

type PruningStatements = ReturnType<typeof preparePruning>;

function preparePruning({ shared: { statements } }: Storage) {
  const until = sql.placeholder("until");
  const ofSession = statements
    .select({ seq: events.seq })
    .from(events)
    .where(eq(events.sessionId, sql.placeholder("sessionId")))
    .limit(BATCH);
  return {
    last: statements.select({ seq: sequences.seq }).from(sequences).where(eq(sequences.name, "events")).prepare(),
    oldest: statements
      .select({ seq: events.seq, at: events.at })
      .from(events)
      .orderBy(asc(events.seq))
      .limit(BATCH)
      .prepare(),
    remove: statements.delete(events).where(lte(events.seq, until)).prepare(),
    raiseFloor: statements
      .update(eventFloor)
      .set({ seq: sql`max(${eventFloor.seq}, ${until})` })
      .prepare(),
    removeOfSession: statements.delete(events).where(inArray(events.seq, ofSession)).prepare(),
    places: statements
      .select({ name: eventPlaces.name, holder: eventPlaces.holder })
      .from(eventPlaces)
      .where(lte(eventPlaces.usedAt, sql.placeholder("unused")))
      .prepare(),
    forget: statements
      .delete(eventPlaces)
      .where(eq(eventPlaces.name, sql.placeholder("name")))
      .prepare(),
  };
}
