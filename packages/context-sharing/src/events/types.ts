import type { Logger } from "@container-kit/observability";

/** What is told. */
export interface NewEvent {
  /** What happened, as lower-case words with dots: `tool.completed`. */
  readonly type: string;
  /** The session that it belongs to; null where it belongs to none. */
  readonly sessionId: string | null;
  /** The exchange that it is part of. */
  readonly correlationId?: string;
  /** The execution that it is about. */
  readonly executionId?: string;
  /** Plain JSON without secrets, at most 64 KiB. */
  readonly data: Readonly<Record<string, unknown>>;
}

/** What was told. The same event has the same id, however often it is delivered. */
export interface BusEvent extends NewEvent {
  readonly id: string;
  /** Where it is in the order of all events; opaque, for {@link EventBus.read} and {@link SubscribeOptions.from}. */
  readonly cursor: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** Events that were removed before a subscriber had seen them. */
export interface EventGap {
  /** The last cursor that the subscriber had. */
  readonly after: string;
  /** The cursor of the first event that is still there, or of the end. */
  readonly until: string;
}

/** What a subscriber asks for. */
export interface SubscribeOptions {
  /** Words with dots, where `*` is one word and `**` any number of them, none included: `tool.*`, `**`. */
  readonly pattern: string;
  /** Only those of this session. */
  readonly sessionId?: string;
  /**
   * Keeps how far it got, durably, under this name: after a restart it goes on there. One process at a time has a name;
   * others that ask for it stand by and take over when that one is gone. Without a name nothing is kept.
   */
  readonly name?: string;
  /** Where one without a kept place begins: `now` (default), `start` (the oldest that is there), or a cursor. */
  readonly from?: "now" | "start" | { readonly after: string };
  /**
   * Takes one event at a time, in order; the next waits until it has resolved. One that throws is given the event again,
   * up to 5 times with growing pauses; then the event is passed over, logged, and told as `bus.undelivered`.
   */
  readonly handler: (event: BusEvent) => void | Promise<void>;
  /** Told when events were removed before they could be delivered. Default: logged. */
  readonly onGap?: (gap: EventGap) => void;
}

/** A subscriber at work. */
export interface Subscription {
  /** `standby`: another process has the name. */
  readonly state: "active" | "standby" | "closed";
  /** How far it got. */
  readonly cursor: string;
  /**
   * Resolves when everything that was published before the call has been handled (or passed over); of one that stands by,
   * when the other has. @throws CANCELLED when it is closed before that. STORE_*
   */
  caughtUp(): Promise<void>;
  /** Waits for the handler that runs, a few seconds at most, keeps the place, ends. A handler must not wait for it. */
  close(): Promise<void>;
}

/** A page of events. */
export interface EventPage {
  readonly events: readonly BusEvent[];
  /** For the next page. */
  readonly cursor: string;
  /** Whether something between the asked place and the first event was removed. */
  readonly gap: EventGap | null;
}

/**
 * Tells events to whoever asked, in this process and in others: at least once, in one order for all.
 * The role; the store is one medium of it, a broker another. `eventBusConformance` of the testkit is what each must pass.
 */
export interface EventBus {
  /** When it resolves, the event survives the death of the process and will be delivered. @throws INVALID_INPUT STORE_* */
  publish(event: NewEvent): Promise<BusEvent>;
  /**
   * For what is recorded elsewhere too: written within 50 ms together with others, at once where a subscriber here waits
   * for it. A crash may lose the last moments. Never throws; what cannot be written is logged. The event must not be changed
   * afterwards: it is taken down when it is written.
   */
  publishSoon(event: NewEvent): void;
  /** @throws INVALID_INPUT for a pattern, name or cursor that is none. STORE_* when the place to begin at cannot be read */
  subscribe(options: SubscribeOptions): Subscription;
  /** Oldest first. @throws INVALID_INPUT STORE_* */
  read(query?: {
    readonly pattern?: string;
    readonly sessionId?: string;
    /** Default: from the oldest that is there. */
    readonly after?: string;
    /** Default 100, at most 1,000. */
    readonly limit?: number;
  }): Promise<EventPage>;
  /** Removes everything of a session. */
  removeSession(sessionId: string): Promise<void>;
  /** Removes what is too old or too much, a few at a time. @returns how many events went */
  prune(options?: { readonly signal?: AbortSignal }): Promise<number>;
  /** Writes what waits and ends all subscriptions. */
  close(): Promise<void>;
}

/** How the bus on the store behaves. */
export interface EventBusOptions {
  /** Default 7 days. */
  readonly maxAgeMs?: number;
  /** Of the newest ones, those of removed sessions counted. Default 100,000. */
  readonly maxCount?: number;
  /** How often it is looked for events of other processes, while somebody here is subscribed. Default 20. */
  readonly pollMs?: number;
  readonly logger?: Logger;
  /** The time, in milliseconds since the epoch; the system's by default. */
  readonly clock?: () => number;
}
