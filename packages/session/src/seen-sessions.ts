import type { Clocks } from "./clocks.ts";
import type { SessionRow } from "./session-statements.ts";

const FRESH_MS = 250;
const MOST_SEEN = 1_000;

/**
 * Rows of sessions as they were a moment ago, so that calls in quick succession read each once.
 *
 * What this process changes is forgotten at once; what another changes (an early end, a deletion) shows here a quarter
 * of a second later at the latest.
 */
export class SeenSessions {
  readonly #rows = new Map<string, { readonly row: SessionRow; readonly readAt: number }>();
  readonly #clocks: Clocks;

  constructor(clocks: Clocks) {
    this.#clocks = clocks;
  }

  /** The row as it is, or was a moment ago. */
  get(id: string, read: () => SessionRow): SessionRow {
    const now = this.#clocks.monotonic();
    const seen = this.#rows.get(id);
    if (seen !== undefined && now - seen.readAt < FRESH_MS) return seen.row;
    const row = read();
    if (this.#rows.size >= MOST_SEEN) this.#rows.clear();
    this.#rows.set(id, { row, readAt: now });
    return row;
  }

  forget(id: string): void {
    this.#rows.delete(id);
  }
}
