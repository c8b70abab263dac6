import type { Clocks } from "./clocks.ts";
import type { Timestamp } from "./types.ts";

const WRITTEN_EVERY_MS = 1000;
const MOST_REMEMBERED = 10_000;

interface Use {
  at: Timestamp;
  /** By the monotonic clock. */
  writtenAt: number;
}

/** When this process last used which session, and whether that is to be written. Forgets the oldest beyond 10,000. */
export class RecentUses {
  readonly #uses = new Map<string, Use>();
  readonly #clocks: Clocks;

  constructor(clocks: Clocks) {
    this.#clocks = clocks;
  }

  lastOf(id: string): Timestamp {
    return this.#uses.get(id)?.at ?? 0;
  }

  /** Notes a use; says whether the last written one is a second old. */
  use(id: string, now: Timestamp): boolean {
    const moment = this.#clocks.monotonic();
    const known = this.#uses.get(id);
    if (known !== undefined) {
      known.at = Math.max(known.at, now);
      if (moment - known.writtenAt < WRITTEN_EVERY_MS) return false;
      this.#uses.delete(id);
    }
    this.#uses.set(id, { at: Math.max(known?.at ?? 0, now), writtenAt: moment });
    if (this.#uses.size > MOST_REMEMBERED) this.#forgetOldest();
    return true;
  }

  #forgetOldest(): void {
    for (const id of this.#uses.keys()) {
      this.#uses.delete(id);
      return;
    }
  }
}
