/**
 * One subscriber at work.
 *
 * - S1  It knows one number: everything up to it has been handled. Whatever is newer is read from the file when it is
 *       wanted, a page at a time: a slow handler costs no memory.
 * - S2  Who has seen everything is handed what is written now, without reading it.
 * - S3  The number rises after the handler is done, never before it.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Logger } from "@container-kit/observability";
import { fail } from "../errors.ts";
import { cursorOf } from "./cursor.ts";
import { deliver } from "./delivery.ts";
import type { EventLog } from "./event-log.ts";
import type { EventRow } from "./event-row.ts";
import type { Pattern } from "./pattern.ts";
import type { DurablePlace } from "./place.ts";
import type { NewEvent, Subscription, SubscribeOptions } from "./types.ts";

/** What a subscriber has of its bus. */
export interface SubscriberHost {
  readonly log: EventLog;
  readonly logger: Logger;
  /** The pauses between the tries of a handler. */
  readonly pausesMs: readonly number[];
  /** How often one that stands by looks whether the name is free. */
  readonly standbyMs: number;
  /** How long an end waits for the handler that runs. */
  readonly closeWaitMs: number;
  /** The newest event that is known of. */
  readonly newest: () => number;
  /** Resolves when what was told before is written. */
  readonly settle: () => Promise<void>;
  readonly tell: (event: NewEvent) => void;
  /** Called when its state changes. */
  readonly changed: (subscriber: Subscriber) => void;
}

interface Waiter {
  readonly target: number;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

const PAGE = 100;

/** A {@link Subscription}. Begin it with {@link Subscriber.begin}. */
export class Subscriber implements Subscription {
  readonly #host: SubscriberHost;
  readonly #options: SubscribeOptions;
  readonly #isWanted: Pattern;
  readonly #place: DurablePlace | undefined;
  readonly #closing = new AbortController();
  #state: Subscription["state"] = "standby";
  #seen: number;
  #isRunning = false;
  #isTroubled = false;
  #run: Promise<void> = Promise.resolve();
  #closed: Promise<void> | undefined;
  #standby: NodeJS.Timeout | undefined;
  #waiters: Waiter[] = [];

  /** @param start the number after which it begins */
  constructor(
    host: SubscriberHost,
    options: SubscribeOptions,
    { isWanted, start, place }: { isWanted: Pattern; start: number; place: DurablePlace | undefined },
  ) {
    this.#host = host;
    this.#options = options;
    this.#isWanted = isWanted;
    this.#seen = start;
    this.#place = place;
  }

  get state(): Subscription["state"] {
    return this.#state;
  }

  get cursor(): string {
    return cursorOf(this.#seen);
  }

  /** Takes its name, if it has one, or stands by. */
  begin(): void {
    if (this.#place === undefined) this.#activate(this.#seen);
    else this.lookForName();
  }

  /** Takes the name if it is free now; looks again later if not. */
  lookForName(): void {
    if (this.#state !== "standby" || this.#place === undefined) return;
    clearTimeout(this.#standby);
    try {
      const seq = this.#place.claim(this.#seen);
      if (seq !== undefined) return this.#activate(seq);
      this.#answer(this.#place.look()?.seq ?? 0);
    } catch (error) {
      this.#trouble("a name of a subscriber could not be asked for", error);
    }
    this.#standby = setTimeout(() => this.lookForName(), this.#host.standbyMs).unref();
  }

  /** Whether it would hand this event to its handler. */
  wants({ type, sessionId }: Pick<NewEvent, "type" | "sessionId">): boolean {
    const { sessionId: only } = this.#options;
    return this.#state === "active" && (only === undefined || only === sessionId) && this.#isWanted(type);
  }

  /** Hands it what was written just now (S2). */
  offer(rows: readonly EventRow[]): void {
    if (this.#state === "active" && !this.#isRunning) this.#start(rows[0]?.seq === this.#seen + 1 ? rows : undefined);
  }

  /** Lets it look for newer events. */
  wake(): void {
    if (this.#state === "active" && !this.#isRunning && this.#host.newest() > this.#seen) this.#start(undefined);
  }

  async caughtUp(): Promise<void> {
    await this.#host.settle();
    const target = this.#host.log.last();
    await new Promise<void>((resolve, reject) => {
      this.#waiters.push({ target, resolve, reject });
      if (this.#state === "closed") this.#refuseWaiters();
      else if (this.#state === "active") this.#answer(this.#seen);
      // What is newest may be of another process, and not known here yet.
      if (this.#state === "active" && !this.#isRunning && target > this.#seen) this.#start(undefined);
    });
  }

  close(): Promise<void> {
    this.#closed ??= this.#end();
    return this.#closed;
  }

  #activate(seq: number): void {
    this.#seen = seq;
    this.#state = "active";
    // Where the one before had seen everything, nothing comes that would say so.
    this.#answer(seq);
    this.#host.changed(this);
    // Its caller gets it before its handler gets an event.
    this.#isRunning = true;
    this.#run = nextTurn().then(() => this.#work(undefined));
  }

  #start(rows: readonly EventRow[] | undefined): void {
    this.#isRunning = true;
    this.#run = this.#work(rows);
  }

  async #work(given: readonly EventRow[] | undefined): Promise<void> {
    try {
      if (this.#state !== "active") return;
      let page = given === undefined ? this.#nextPage() : { rows: given, through: given.at(-1)?.seq ?? this.#seen };
      for (;;) {
        for (const row of page.rows) if (!(await this.#handle(row))) return;
        this.#advance(page.through);
        if (this.#seen >= this.#host.newest()) return;
        await nextTurn();
        if (this.#state !== "active") return;
        page = this.#nextPage();
      }
    } catch (error) {
      // The bus wakes it again: there is something newer than what it has seen.
      this.#trouble("events could not be read; they are tried again", error);
    } finally {
      this.#isRunning = false;
    }
  }

  async #handle(row: EventRow): Promise<boolean> {
    if (this.#state !== "active") return false;
    if (this.wants(row)) {
      const { handler, name, pattern } = this.#options;
      const { pausesMs, logger, tell } = this.#host;
      const options = { handler, name, pattern, pausesMs, logger, tell, signal: this.#closing.signal };
      if (!(await deliver(row, options))) return false;
    }
    this.#advance(row.seq);
    return true;
  }

  #nextPage(): { readonly rows: readonly EventRow[]; readonly through: number } {
    const { sessionId } = this.#options;
    const page = this.#host.log.pageAfter({ after: this.#seen, sessionId, limit: PAGE });
    this.#isTroubled = false;
    if (page.floor > this.#seen) {
      this.#tellGap({ after: this.cursor, until: cursorOf(page.rows[0]?.seq ?? page.last) });
      this.#advance(page.floor);
    }
    return page;
  }

  #tellGap(gap: { readonly after: string; readonly until: string }): void {
    const { onGap, name, pattern } = this.#options;
    const facts = { subscriber: name ?? pattern, ...gap };
    if (onGap === undefined) return this.#host.logger.warn("events were removed before a subscriber saw them", facts);
    try {
      onGap(gap);
    } catch (error) {
      this.#host.logger.error("a subscriber failed to hear of a gap", { ...facts, error });
    }
  }

  #advance(seq: number): void {
    if (seq <= this.#seen) return;
    this.#seen = seq;
    this.#place?.keep(seq);
    if (this.#waiters.length > 0) this.#answer(seq);
  }

  #answer(seq: number): void {
    const done = this.#waiters.filter(({ target }) => target <= seq);
    this.#waiters = this.#waiters.filter(({ target }) => target > seq);
    for (const { resolve } of done) resolve();
  }

  #refuseWaiters(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const { reject } of waiters) reject(fail("CANCELLED", "the subscription was closed before it had caught up"));
  }

  #trouble(message: string, error: unknown): void {
    const facts = { subscriber: this.#options.name ?? this.#options.pattern, error };
    if (!this.#isTroubled) this.#host.logger.warn(message, facts);
    this.#isTroubled = true;
  }

  async #end(): Promise<void> {
    const hadName = this.#state === "active" ? this.#place : undefined;
    this.#state = "closed";
    clearTimeout(this.#standby);
    this.#closing.abort();
    await this.#runHasEnded();
    try {
      await hadName?.release();
    } catch (error) {
      // The name is free when this process ends; what was handled since the place was kept comes again.
      this.#trouble("the place of a subscriber could not be kept", error);
    }
    this.#refuseWaiters();
    this.#host.changed(this);
  }

  async #runHasEnded(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, this.#host.closeWaitMs).unref();
    });
    await Promise.race([this.#run, late]);
    clearTimeout(timer);
  }
}
