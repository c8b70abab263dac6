/**
 * The event bus on the store.
 *
 * - B1  The order of all events is that of their numbers in the file, which every process sees alike.
 * - B2  What was told here reaches subscribers here from memory; what others told is found by asking the file for its
 *       newest number, as long as somebody here is subscribed. Nothing depends on anybody being woken.
 */
import { silentLogger } from "@container-kit/observability";
import type { Logger } from "@container-kit/observability";
import type { Storage } from "@container-kit/storage";
import { invalid } from "../errors.ts";
import { contextSchema } from "../migrations.ts";
import { parseCursor } from "./cursor.ts";
import { EventLog } from "./event-log.ts";
import { checkId } from "./event-row.ts";
import type { EventRow } from "./event-row.ts";
import { Outbox } from "./outbox.ts";
import { parsePattern } from "./pattern.ts";
import type { Pattern } from "./pattern.ts";
import { DurablePlace } from "./place.ts";
import { EventPruning } from "./pruning.ts";
import type { EventLimits } from "./pruning.ts";
import { readEvents } from "./reading.ts";
import { Subscriber } from "./subscriber.ts";
import type { SubscriberHost } from "./subscriber.ts";
import type {
  BusEvent,
  EventBus,
  EventBusOptions,
  EventPage,
  NewEvent,
  SubscribeOptions,
  Subscription,
} from "./types.ts";

/** What a test shortens. */
export interface BusPatience {
  /** The pauses between the tries of a handler. */
  readonly pausesMs: readonly number[];
  readonly standbyMs: number;
  readonly closeWaitMs: number;
}

const DAY_MS = 24 * 60 * 60 * 1000;
const PATIENCE: BusPatience = { pausesMs: [100, 500, 2500, 10_000], standbyMs: 1000, closeWaitMs: 5000 };
const AGAIN_MS = 1000;
const NAME = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,199}$/;

/** A bus on a store; several, in several processes, are one bus. @throws STORE_* */
export function createEventBus(storage: Storage, options: EventBusOptions = {}): EventBus {
  return createEventBusWith(storage, options, {});
}

/** As {@link createEventBus}, with the patience of a test. */
export function createEventBusWith(
  storage: Storage,
  options: EventBusOptions,
  patience: Partial<BusPatience>,
): EventBus {
  storage.migrate(contextSchema);
  return new StoreEventBus(storage, options, { ...PATIENCE, ...patience });
}

/** @throws INVALID_INPUT */
function checkOptions({ pattern, sessionId, name, handler }: SubscribeOptions): Pattern {
  if (typeof handler !== "function") throw invalid("handler", "must be a function");
  if (sessionId !== undefined) checkId(sessionId, "sessionId");
  if (name !== undefined && !(typeof name === "string" && NAME.test(name))) {
    throw invalid("name", "must be 1 to 200 letters, digits, '.', '_', ':' or '-', and begin with a letter or digit");
  }
  return parsePattern(pattern);
}

class StoreEventBus implements EventBus {
  readonly #storage: Storage;
  readonly #log: EventLog;
  readonly #outbox: Outbox;
  readonly #pruning: EventPruning;
  readonly #limits: EventLimits;
  readonly #logger: Logger;
  readonly #clock: () => number;
  readonly #pollMs: number;
  readonly #host: SubscriberHost;
  readonly #subscribers = new Set<Subscriber>();
  #newest = 0;
  #poll: NodeJS.Timeout | undefined;
  #isBlind = false;
  #closed: Promise<void> | undefined;

  constructor(storage: Storage, options: EventBusOptions, patience: BusPatience) {
    const { maxAgeMs = 7 * DAY_MS, maxCount = 100_000, pollMs = 20 } = options;
    const { logger = silentLogger, clock = Date.now } = options;
    this.#storage = storage;
    this.#log = new EventLog(storage.shared);
    this.#pruning = new EventPruning(storage);
    this.#limits = { maxAgeMs, maxCount };
    this.#logger = logger;
    this.#clock = clock;
    this.#pollMs = pollMs;
    const { shared } = storage;
    const append = this.#log.append.bind(this.#log);
    this.#outbox = new Outbox({ shared, append, onWritten: (rows) => this.#written(rows), logger, clock });
    this.#host = {
      ...patience,
      log: this.#log,
      logger,
      newest: () => this.#newest,
      settle: () => this.#outbox.settle(),
      tell: (event) => this.#outbox.tellSoon(event, this.#isWanted(event)),
      changed: (subscriber) => this.#changed(subscriber),
    };
  }

  async publish(event: NewEvent): Promise<BusEvent> {
    this.#assertOpen();
    return await this.#outbox.tell(event);
  }

  publishSoon(event: NewEvent): void {
    if (this.#closed !== undefined) {
      this.#logger.warn("an event came after the end of its bus");
      return;
    }
    try {
      this.#outbox.tellSoon(event, this.#isWanted(event));
    } catch (error) {
      // Only what is no event at all fails this early.
      this.#logger.error("an event was dropped: it is none", { error });
    }
  }

  subscribe(options: SubscribeOptions): Subscription {
    this.#assertOpen();
    const { name } = options;
    const isWanted = checkOptions(options);
    // What was told before is before now.
    this.#outbox.flush();
    const start = this.#startOf(options.from ?? "now");
    const place = name === undefined ? undefined : new DurablePlace(name, this.#storage, this.#clock);
    const subscriber = new Subscriber(this.#host, options, { isWanted, start, place });
    this.#subscribers.add(subscriber);
    subscriber.begin();
    return subscriber;
  }

  async read(query: Parameters<EventBus["read"]>[0] = {}): Promise<EventPage> {
    this.#assertOpen();
    await this.#outbox.settle();
    return await readEvents(this.#log, query);
  }

  async removeSession(sessionId: string): Promise<void> {
    checkId(sessionId, "sessionId");
    await this.#outbox.settle();
    await this.#pruning.removeSession(sessionId);
  }

  async prune({ signal }: { readonly signal?: AbortSignal } = {}): Promise<number> {
    return await this.#pruning.prune(this.#limits, signal);
  }

  close(): Promise<void> {
    this.#closed ??= this.#end();
    return this.#closed;
  }

  async #end(): Promise<void> {
    clearTimeout(this.#poll);
    await Promise.all([...this.#subscribers].map((subscriber) => subscriber.close()));
    await this.#outbox.close();
  }

  #startOf(from: NonNullable<SubscribeOptions["from"]>): number {
    if (from === "start") return this.#log.floor();
    const last = this.#log.last();
    return from === "now" ? last : parseCursor(from.after, "from.after", last);
  }

  #isWanted(event: NewEvent): boolean {
    // What is no event is refused when it is written: this must not throw.
    if (typeof event.type !== "string") return false;
    for (const subscriber of this.#subscribers) if (subscriber.wants(event)) return true;
    return false;
  }

  #written(rows: readonly EventRow[]): void {
    this.#newest = Math.max(this.#newest, rows.at(-1)?.seq ?? 0);
    if (this.#subscribers.size === 0) return;
    // Not while the publisher still runs: it has not heard of its own event yet.
    queueMicrotask(() => {
      for (const subscriber of this.#subscribers) subscriber.offer(rows);
    });
  }

  #changed(subscriber: Subscriber): void {
    if (subscriber.state === "closed") {
      this.#subscribers.delete(subscriber);
      for (const other of this.#subscribers) other.lookForName();
    } else {
      this.#poll ??= setTimeout(() => this.#look(), this.#pollMs).unref();
    }
  }

  /** Looks for events of other processes (B2). */
  #look(): void {
    this.#poll = undefined;
    if (this.#closed !== undefined) return;
    try {
      this.#newest = this.#log.last();
      this.#isBlind = false;
    } catch (error) {
      if (!this.#isBlind) this.#logger.warn("it could not be looked for events", { error });
      this.#isBlind = true;
    }
    let active = 0;
    for (const subscriber of this.#subscribers) {
      subscriber.wake();
      if (subscriber.state === "active") active += 1;
    }
    if (active > 0) this.#poll = setTimeout(() => this.#look(), this.#isBlind ? AGAIN_MS : this.#pollMs).unref();
  }

  #assertOpen(): void {
    if (this.#closed !== undefined) throw new TypeError("the event bus has been closed");
  }
}
