/**
 * The file that entries are kept in, and what time it is for them.
 *
 * - E1  A change is done at once where the lock is to be had, and waits in the queue of those that want it where another
 *       process has it.
 * - E2  What is served is decided by the wall. What is removed for its age is decided by the earliest of the wall, the
 *       store's certain time and a clock that does not jump: a wrong clock removes nothing.
 */
import type { Storage } from "@container-kit/storage";
import { writeNowOrLater } from "../write-now.ts";
import { removeInBatches } from "./removal.ts";
import { prepareEntries } from "./statements.ts";
import type { EntryStatements } from "./statements.ts";
import type { VersionRow } from "./tables.ts";
import type { EntryName, Timestamp } from "./types.ts";

/** Expired entries that reads have met and the next write takes along. */
const MOST_MET = 64;

/** One per context store. */
export class EntryFile {
  readonly prepared: EntryStatements;
  readonly #storage: Storage;
  readonly #clock: () => Timestamp;
  /** The wall as it stood at the start, and what has passed since. */
  readonly #steady: () => Timestamp;
  readonly #met = new Map<string, EntryName>();

  /** @param clock where one is handed in, it is the only one there is */
  constructor(storage: Storage, clock: (() => Timestamp) | undefined) {
    this.#storage = storage;
    this.prepared = prepareEntries(storage.shared);
    this.#clock = clock ?? Date.now;
    const [began, origin] = [this.#clock(), performance.now()];
    this.#steady = clock ?? ((): Timestamp => began + performance.now() - origin);
  }

  /** The wall's time. */
  now(): Timestamp {
    return this.#clock();
  }

  /** Bytes of the files, the log included: at least what the values in them take. */
  bytes(): number {
    const { shared, log } = this.#storage.health().bytes;
    return shared + log;
  }

  read<Result>(work: () => Result): Result {
    return this.#storage.shared.read(work);
  }

  /** Runs `work` in a transaction (E1). It only runs statements, and may be repeated. */
  commit<Result>(work: () => Result): Result | Promise<Result> {
    return writeNowOrLater(this.#storage.shared, work);
  }

  find({ sessionId, type, key }: EntryName): VersionRow | undefined {
    return this.read(() => this.prepared.find.get({ session: sessionId, type, key }));
  }

  isLive({ expires }: VersionRow): boolean {
    return expires > this.#clock();
  }

  /** Removes what has certainly expired, of one session or of all, a few at a time. */
  removeExpired(sessionId?: string, signal?: AbortSignal): Promise<number> {
    return removeInBatches(this, { sessionId, by: this.#certainly(), signal });
  }

  /** Takes note of an expired entry, so that the next write takes it along. */
  meet(name: EntryName): void {
    if (this.#met.size >= MOST_MET) return;
    this.#met.set(JSON.stringify([name.sessionId, name.type, name.key]), name);
    this.#storage.shared.writeSoon("context expired", () => {
      const by = this.#certainly();
      const met = [...this.#met.values()];
      this.#met.clear();
      for (const { sessionId, type, key } of met) {
        this.prepared.removeExpired.run({ session: sessionId, type, key, by });
      }
    });
  }

  /** The moment that has certainly come (E2). */
  #certainly(): Timestamp {
    return Math.floor(Math.min(this.#storage.certainTime(), this.#clock(), this.#steady()));
  }
}
