/**
 * Events on their way into the file.
 *
 * - O1  They are written in the order in which they were told, so that what was told first is first in the order of all.
 * - O2  Who waits for an event is answered by its commit. What nobody waits for is gathered, and kept for later while the
 *       store takes nothing: up to a number of events, of which the newest are then dropped and counted.
 * - O3  Telling an event that nobody waits for costs an entry in a list; it becomes a row when it is written.
 */
import { isKitError } from "@container-kit/errors";
import type { Logger } from "@container-kit/observability";
import type { SharedDatabase } from "@container-kit/storage";
import { EventIds, toBusEvent, toDraft } from "./event-row.ts";
import type { EventDraft, EventRow } from "./event-row.ts";
import type { BusEvent, NewEvent } from "./types.ts";

/** What an outbox is given. */
export interface OutboxOptions {
  readonly shared: SharedDatabase;
  /** Gives each event its place; runs inside a transaction. */
  readonly append: (drafts: readonly EventDraft[]) => readonly EventRow[];
  /** Told of what was committed, in its order. */
  readonly onWritten: (rows: readonly EventRow[]) => void;
  readonly logger: Logger;
  readonly clock: () => number;
}

interface Waiting {
  readonly event: NewEvent;
  readonly at: number;
  /** Made when it is written first, or at once where somebody waits (O3). */
  draft: EventDraft | undefined;
  readonly asked: Asked | undefined;
}

interface Asked {
  readonly resolve: (event: BusEvent) => void;
  readonly reject: (reason: unknown) => void;
}

const BATCH = 256;
const MOST_WAITING = 10_000;
const SOON_MS = 50;
const AGAIN_MS = 1000;

/** What one bus has told and the file does not hold yet. */
export class Outbox {
  readonly #options: OutboxOptions;
  readonly #ids = new EventIds();
  #waiting: Waiting[] = [];
  #timer: NodeJS.Timeout | undefined;
  #turn: NodeJS.Immediate | undefined;
  #writing: Promise<void> | undefined;
  #dropped = 0;
  /** While the store takes nothing: then it is asked once a second, or by who waits for an answer. */
  #isFailing = false;
  #isToldOf = false;
  #isClosed = false;

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  /** Resolves when it is committed. @throws INVALID_INPUT STORE_* */
  async tell(event: NewEvent): Promise<BusEvent> {
    const at = this.#now();
    const draft = toDraft(event, this.#ids.next(), at);
    return await new Promise((resolve, reject) => {
      this.#waiting.push({ event, at, draft, asked: { resolve, reject } });
      this.flush();
    });
  }

  /** Takes it for later. @param isWanted whether somebody here waits for it */
  tellSoon(event: NewEvent, isWanted: boolean): void {
    if (this.#isClosed) return;
    if (this.#waiting.length >= MOST_WAITING && !this.#makeRoom()) return;
    this.#waiting.push({ event, at: this.#now(), draft: undefined, asked: undefined });
    if (isWanted || this.#waiting.length >= BATCH) this.#flushNextTurn();
    else this.#timer ??= setTimeout(() => this.#flushByTimer(), SOON_MS).unref();
  }

  /** Writes what waits, if the lock is to be had at once; otherwise it is being written when this returns. */
  flush(): void {
    // What is being written comes before what came later (O1).
    if (this.#writing !== undefined || this.#waiting.length === 0) return;
    const batch = this.#takeBatch();
    const rows = batch.length === 0 ? [] : this.#tryNow(batch);
    if (rows !== undefined) this.#written(batch, rows);
    if (this.#waiting.length > 0) this.#flushNextTurn();
  }

  /** Resolves when all that was told before is written, or the store did not take it. */
  async settle(): Promise<void> {
    this.#isFailing = false;
    for (this.flush(); !this.#isFailing; this.flush()) {
      await this.#writing;
      if (this.#waiting.length === 0) return;
    }
  }

  /** Writes what waits; what the store does not take now is lost. */
  async close(): Promise<void> {
    await this.settle();
    this.#isClosed = true;
    clearTimeout(this.#timer);
    clearImmediate(this.#turn);
    const lost = this.#waiting.length;
    if (lost > 0) this.#options.logger.error("events were lost: the store did not take them", { events: lost });
    this.#waiting = [];
  }

  #now(): number {
    return Math.round(this.#options.clock());
  }

  #takeBatch(): Ready[] {
    const batch: Ready[] = [];
    for (const waiting of this.#waiting.splice(0, BATCH)) {
      try {
        waiting.draft ??= toDraft(waiting.event, this.#ids.next(), waiting.at);
        batch.push(waiting as Ready);
      } catch (error) {
        this.#options.logger.error("an event was dropped: it is none", { type: waiting.event.type, error });
      }
    }
    return batch;
  }

  /** Undefined when they could not be written now. */
  #tryNow(batch: readonly Ready[]): readonly EventRow[] | undefined {
    const { shared, append } = this.#options;
    try {
      return shared.writeNow(() => append(batch.map(({ draft }) => draft)));
    } catch (error) {
      if (isKitError(error, "STORE_BUSY")) this.#writing = this.#write(batch);
      else this.#failed(batch, error);
      return undefined;
    }
  }

  async #write(batch: readonly Ready[]): Promise<void> {
    const { shared, append } = this.#options;
    try {
      const rows = await shared.write(() => append(batch.map(({ draft }) => draft)));
      this.#writing = undefined;
      this.#written(batch, rows);
    } catch (error) {
      this.#writing = undefined;
      this.#failed(batch, error);
      return;
    }
    this.flush();
  }

  #written(batch: readonly Ready[], rows: readonly EventRow[]): void {
    if (this.#dropped > 0) {
      this.#options.logger.error("events were dropped while the store took none", { events: this.#dropped });
      this.#dropped = 0;
    }
    this.#isFailing = false;
    this.#isToldOf = false;
    if (rows.length === 0) return;
    this.#options.onWritten(rows);
    for (const [index, { asked }] of batch.entries()) {
      const row = rows[index];
      if (asked !== undefined && row !== undefined) asked.resolve(toBusEvent(row));
    }
  }

  #failed(batch: readonly Ready[], error: unknown): void {
    const { logger } = this.#options;
    const isStore = isKitError(error) && error.code.startsWith("STORE_");
    if (!isStore) logger.error("events were dropped: they cannot be written", { events: batch.length, error });
    const behind = this.#waiting;
    this.#waiting = [...(isStore ? batch : []), ...behind].filter(({ asked }) => asked === undefined);
    // Those behind it fare no better: they are answered now and not in a second.
    for (const { asked } of [...batch, ...behind]) asked?.reject(error);
    if (isStore && !this.#isToldOf) logger.warn("the store takes no events now; they wait", { error });
    this.#isToldOf = isStore;
    this.#isFailing = true;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#flushByTimer(), AGAIN_MS).unref();
  }

  /** Whether there is room for one more; what there is none for is counted and told once it is over. */
  #makeRoom(): boolean {
    if (!this.#isFailing) this.flush();
    if (this.#waiting.length < MOST_WAITING) return true;
    if (this.#dropped === 0) this.#options.logger.error("events are dropped: the store has taken none for too long");
    this.#dropped += 1;
    return false;
  }

  #flushNextTurn(): void {
    if (this.#isFailing) return;
    this.#turn ??= setImmediate(() => {
      this.#turn = undefined;
      this.flush();
    });
  }

  #flushByTimer(): void {
    this.#timer = undefined;
    this.#isFailing = false;
    this.flush();
  }
}

interface Ready extends Waiting {
  draft: EventDraft;
}
