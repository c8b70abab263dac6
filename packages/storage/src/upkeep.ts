/**
 * Keeps the record within its limits, a little at a time.
 *
 * - Q1  One step is one short transaction: a call that waits for the lock waits for one step at most.
 * - Q2  A clock that jumps ahead removes nothing: time passes here no faster than it has passed since the start. Nor does
 *       one that was wrong at the start (certain-time.ts).
 * - Q3  Pages that pruning has freed are used again first. Only where many are free is the file made smaller.
 */
import type { Database as SqliteClient, Transaction } from "better-sqlite3";
import { keepTime } from "./certain-time.ts";
import type { CertainTime } from "./certain-time.ts";
import { failpoint } from "./failpoint.ts";
import { countPages, giveBackPages, hasManyFree } from "./free-pages.ts";
import type { OpenProjection, Retention } from "./types.ts";

const ROWS_PER_STEP = 50;
const DAY_MS = 24 * 60 * 60 * 1000;
const DEFAULTS = { maxAgeMs: 30 * DAY_MS, maxCount: 1_000_000, maxBytes: 1024 * 1024 * 1024 };

/** What is kept up. */
export interface UpkeepOptions {
  readonly client: SqliteClient;
  readonly projections: ReadonlyMap<string, OpenProjection>;
  readonly retention: Retention;
  readonly clock: () => number;
  readonly time: CertainTime;
}

/** Works on one connection. */
export class Upkeep {
  readonly #options: UpkeepOptions;
  readonly #limits: Required<Retention>;
  readonly #transaction: Transaction<(work: () => number) => number>;
  readonly #began: { readonly at: number; readonly monotonic: number };

  constructor(options: UpkeepOptions) {
    this.#options = options;
    this.#limits = { ...DEFAULTS, ...options.retention };
    this.#transaction = options.client.transaction((work: () => number) => work());
    this.#began = { at: options.clock(), monotonic: performance.now() };
  }

  /** Removes a few rows that are over the limits; says whether there may be more. */
  prune(): boolean {
    const { client, projections, time } = this.#options;
    const { maxAgeMs, maxCount } = this.#limits;
    const removed = this.#transaction.immediate(() => {
      const wall = this.#wall();
      keepTime(client, time.seen, wall);
      const now = time.at(wall);
      const limits = { now, before: now - maxAgeMs, count: maxCount, overSize: this.#isOverSize() };
      let rows = 0;
      for (const projection of projections.values()) rows += projection.prune?.(limits, ROWS_PER_STEP) ?? 0;
      return rows;
    });
    failpoint("prune.batch");
    return removed > 0;
  }

  /** Gives a few free pages back to the disk; says whether there are more. */
  shrink(): boolean {
    return giveBackPages(this.#options.client);
  }

  /** Whether most of a file is empty that cannot be made smaller step by step, because it was made without that ability. */
  needsRewrite(): boolean {
    const counts = countPages(this.#options.client);
    return this.#number("auto_vacuum") === 0 && hasManyFree(counts) && counts.free > counts.pages / 4;
  }

  #wall(): number {
    const { at, monotonic } = this.#began;
    return Math.min(this.#options.clock(), at + performance.now() - monotonic);
  }

  #isOverSize(): boolean {
    const { free, pages } = countPages(this.#options.client);
    return (pages - free) * this.#number("page_size") > this.#limits.maxBytes;
  }

  #number(pragma: string): number {
    return Number(this.#options.client.pragma(pragma, { simple: true }));
  }
}
