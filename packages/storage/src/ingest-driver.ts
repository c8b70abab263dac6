/**
 * Decides when the journals are brought into the tables, in the thread that it lives in.
 *
 * - V1  The event loop is never held for more than a slice: then other work has its turn.
 * - V2  Who asks to catch up gets a run that began after the question; those who ask meanwhile share the next.
 * - V3  Work in the background only begins when it is asked for, so that an idle process does nothing.
 * - V4  The connection that writes is opened when there is something to bring in.
 */
import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import { isKitError } from "@container-kit/errors";
import type { Logger } from "@container-kit/observability";
import type { Database as SqliteClient } from "better-sqlite3";
import type { CertainTime } from "./certain-time.ts";
import { shortenLog } from "./checkpoint.ts";
import { fail } from "./errors.ts";
import { Ingester } from "./ingester.ts";
import type { IngestLimits, SkippedLines } from "./ingester.ts";
import { JournalCleaner } from "./journal-cleaner.ts";
import { SegmentOwners, sizeOf } from "./journal-folder.ts";
import { toStoreError } from "./store-error.ts";
import type { Projection, Retention } from "./types.ts";
import { Upkeep } from "./upkeep.ts";

/** How much is done at a time. */
export interface Pace extends IngestLimits {
  /** How long the event loop is held. */
  readonly sliceMs: number;
  /** How long other work has then, in the background. */
  readonly pauseMs: number;
  /** How long after a call of `soon` the work begins. */
  readonly afterMs: number;
}

/** A thread that has more to do than this. */
export const BESIDE_CALLS: Pace = { bytes: 64 * 1024, lines: 64, sliceMs: 4, pauseMs: 10, afterMs: 250 };
/** A thread that does nothing else. */
export const ALONE: Pace = { bytes: 256 * 1024, lines: 400, sliceMs: 20, pauseMs: 1, afterMs: 0 };

/** How journals are brought in. */
export interface IngestDriverOptions {
  /** Opens the connection that writes (V4). */
  readonly connect: () => SqliteClient;
  /** The record, for messages. */
  readonly file: string;
  /** The folder of the journals. */
  readonly folder: string;
  readonly ownJournal: string;
  readonly busyTimeoutMs: number;
  readonly logger: Logger;
  readonly pace: Pace;
  readonly retention: Retention;
  readonly clock: () => number;
  readonly time: CertainTime;
  /** Told when a round in the background is done. */
  readonly onRound?: () => void;
  /** Told what it failed of. */
  readonly onError: (error: Error) => void;
}

interface OpenParts {
  readonly client: SqliteClient;
  readonly ingester: Ingester;
  readonly cleaner: JournalCleaner;
  readonly upkeep: Upkeep;
  readonly owners: SegmentOwners;
}

const LOCK_SLICE_MS = 2;
const RETRY_PAUSE_MS = 5;
const UPKEEP_EVERY_MS = 60_000;
const UPKEEP_PAUSE_MS = 5;

/** One per thread that brings journals in. */
export class IngestDriver {
  readonly #options: IngestDriverOptions;
  readonly #projections = new Map<string, Projection>();
  #parts: OpenParts | undefined;
  #timer: NodeJS.Timeout | undefined;
  #background: Promise<void> | undefined;
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  #asked = false;
  #upkeepAt = 0;
  #closed = false;

  constructor(options: IngestDriverOptions) {
    this.#options = options;
  }

  /** What could not be brought in. */
  get skipped(): SkippedLines {
    return this.#parts?.ingester.skipped ?? { damaged: 0, unknown: 0, refused: 0 };
  }

  /** The connection that writes; opened when it was not. */
  get client(): SqliteClient {
    return this.#open().client;
  }

  /** What keeps the record within its limits. */
  get upkeep(): Upkeep {
    return this.#open().upkeep;
  }

  register(projection: Projection): void {
    this.#projections.set(projection.package, projection);
    this.#parts?.ingester.register(projection);
  }

  /** Something was appended: it will be brought in (V3). */
  soon(): void {
    this.#asked = true;
    if (this.#timer !== undefined || this.#background !== undefined || this.#closed) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#background = this.#inBackground();
    }, this.#options.pace.afterMs).unref();
  }

  /** Brings in what all processes have appended until now. @throws STORE_BUSY STORE_CORRUPT STORE_UNAVAILABLE STORE_FULL */
  catchUp(): Promise<void> {
    if (this.#running === undefined) return (this.#running = this.#run());
    // The run that is under way may have looked already (V2).
    const after = this.#running.catch(() => undefined);
    return (this.#next ??= after.then(() => {
      this.#next = undefined;
      return (this.#running = this.#run());
    }));
  }

  /** Ends what is under way and closes. `last`: brings in what is left; the journal of this process has been closed before. */
  async close({ last }: { readonly last: boolean }): Promise<void> {
    clearTimeout(this.#timer);
    try {
      if (last && (this.#parts !== undefined || sizeOf(this.#options.folder) !== undefined)) {
        this.#open().owners.closeOwn();
        await this.catchUp();
      }
    } catch (error) {
      // The journals keep what could not be brought in; the next process does it.
      this.#options.logger.warn("the store was closed before all of the journal was in its tables", { error });
    }
    this.#closed = true;
    await Promise.allSettled([this.#background, this.#running]);
    this.#parts?.client.close();
    this.#parts?.cleaner.close();
    this.#parts = undefined;
  }

  async #run(): Promise<void> {
    try {
      await this.#bringIn(true);
    } catch (thrown) {
      throw toStoreError(thrown, this.#options.file);
    } finally {
      this.#running = undefined;
    }
  }

  async #inBackground(): Promise<void> {
    this.#asked = false;
    try {
      await (this.#running ?? this.#bringIn(false));
      shortenLog(this.#open().client);
      await this.#keepUp();
      this.#options.onRound?.();
    } catch (thrown) {
      if (!this.#closed) this.#options.onError(toStoreError(thrown, this.#options.file));
    } finally {
      this.#background = undefined;
      if (this.#asked) this.soon();
    }
  }

  async #bringIn(all: boolean): Promise<void> {
    const { sliceMs, pauseMs } = this.#options.pace;
    const deadline = performance.now() + this.#options.busyTimeoutMs;
    const { ingester, cleaner } = this.#open();
    let slice = performance.now() + sliceMs;
    for (const { segment, size, offset } of ingester.backlog(all)) {
      for (let at = offset, before = -1; at < size && at !== before;) {
        before = at;
        at = await this.#patiently(deadline, () => ingester.step(segment, this.#options.pace));
        if (performance.now() < slice) continue;
        await (all ? nextTurn() : sleep(pauseMs, undefined, { ref: false }));
        this.#assertOpen();
        slice = performance.now() + sliceMs;
      }
    }
    await this.#patiently(deadline, () => cleaner.clean());
  }

  async #keepUp(): Promise<void> {
    const now = performance.now();
    if (this.#upkeepAt !== 0 && now - this.#upkeepAt < UPKEEP_EVERY_MS) return;
    this.#upkeepAt = now;
    const { upkeep } = this.#open();
    for (const step of [() => upkeep.prune(), () => upkeep.shrink()]) {
      while (await this.#patiently(now + UPKEEP_EVERY_MS, step)) {
        await sleep(UPKEEP_PAUSE_MS, undefined, { ref: false });
        this.#assertOpen();
      }
    }
  }

  /** Waits for another process's lock in slices. */
  async #patiently<Result>(deadline: number, work: () => Result | Promise<Result>): Promise<Result> {
    for (;;) {
      try {
        return await work();
      } catch (thrown) {
        const error = toStoreError(thrown, this.#options.file);
        if (!isKitError(error, "STORE_BUSY") || performance.now() >= deadline) throw error;
      }
      await sleep(RETRY_PAUSE_MS);
      this.#assertOpen();
    }
  }

  #open(): OpenParts {
    this.#assertOpen();
    if (this.#parts !== undefined) return this.#parts;
    const { connect, folder, ownJournal, logger, retention, clock, time } = this.#options;
    const client = connect();
    try {
      client.pragma(`busy_timeout = ${LOCK_SLICE_MS}`);
      const owners = new SegmentOwners(ownJournal);
      const ingester = new Ingester({ client, folder, ownJournal, owners, logger });
      for (const projection of this.#projections.values()) ingester.register(projection);
      const upkeep = new Upkeep({ client, projections: ingester.projections, retention, clock, time });
      const cleaner = new JournalCleaner(client, folder, owners);
      return (this.#parts = { client, ingester, cleaner, upkeep, owners });
    } catch (thrown) {
      client.close();
      throw thrown;
    }
  }

  #assertOpen(): void {
    if (this.#closed) throw fail("STORE_UNAVAILABLE", `${this.#options.file} has been closed`);
  }
}
