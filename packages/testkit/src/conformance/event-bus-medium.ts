/** What the cases of the event bus's conformance ask of a medium; structural, so that nothing of the bus is imported. */

/** An event, as a subscriber gets it. */
export interface ConformingEvent {
  readonly id: string;
  readonly cursor: string;
  readonly type: string;
  readonly sessionId: string | null;
  readonly data: Readonly<Record<string, unknown>>;
}

/** What is published. */
export interface PublishedEvent {
  readonly type: string;
  readonly sessionId: string | null;
  readonly data: Readonly<Record<string, unknown>>;
}

/** What was removed before it was seen. */
export interface ConformingGap {
  readonly after: string;
  readonly until: string;
}

/** What a subscriber asks for. */
export interface ConformingSubscribe {
  readonly pattern: string;
  readonly sessionId?: string;
  readonly name?: string;
  readonly from?: "now" | "start" | { readonly after: string };
  readonly handler: (event: ConformingEvent) => void | Promise<void>;
  readonly onGap?: (gap: ConformingGap) => void;
}

/** A subscriber. */
export interface ConformingSubscription {
  readonly state: "active" | "standby" | "closed";
  readonly cursor: string;
  caughtUp(): Promise<void>;
  close(): Promise<void>;
}

/** A connection to the medium, as one process has it. */
export interface ConformingBus {
  publish(event: PublishedEvent): Promise<ConformingEvent>;
  publishSoon(event: PublishedEvent): void;
  subscribe(options: ConformingSubscribe): ConformingSubscription;
  read(query?: {
    readonly pattern?: string;
    readonly sessionId?: string;
    readonly after?: string;
    readonly limit?: number;
  }): Promise<{
    readonly events: readonly ConformingEvent[];
    readonly cursor: string;
    readonly gap: ConformingGap | null;
  }>;
  removeSession(sessionId: string): Promise<void>;
  prune(): Promise<number>;
  close(): Promise<void>;
}

/** One medium, empty at first. */
export interface BusMedium {
  /** A further connection to it, as another process would have. */
  connect(): Promise<ConformingBus>;
  /** Leaves a connection as the death of its process would: nothing of it is told or given up. */
  crash(bus: ConformingBus): Promise<void>;
  /** Closes what is still open. */
  close(): Promise<void>;
}

/** How a medium is opened. Its pauses between the tries of a handler are to be short. */
export interface MediumOptions {
  /** How many events a pruning leaves. */
  readonly maxCount?: number;
}

/** Opens a medium of its own for one case. */
export type OpenMedium = (options?: MediumOptions) => Promise<BusMedium>;
