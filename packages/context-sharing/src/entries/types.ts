import type { z } from "zod";
import type { Logger, Redactor } from "@container-kit/observability";
import type { EventBus } from "../events/types.ts";

/** Milliseconds since the epoch, UTC. */
export type Timestamp = number;

/** Who made an entry. */
export interface Producer {
  readonly tool: string;
  readonly executionId: string;
}

/** One thing that a tool has left for others of its session; one version of it. */
export interface ContextEntry<Value = unknown> {
  readonly sessionId: string;
  /** The name of its registered type. */
  readonly type: string;
  /** Which one of its type, e.g. an image's reference. */
  readonly key: string;
  readonly value: Value;
  /** 1, and one more with each share; a removed key begins again at 1. */
  readonly version: number;
  readonly producer: Producer;
  readonly labels: Readonly<Record<string, string>>;
  /** When this version was shared. */
  readonly createdAt: Timestamp;
  /** From when on it is not served any more. */
  readonly expiresAt: Timestamp;
  /** Bytes of the value as JSON. */
  readonly size: number;
}

/** A kind of entry: what its values look like, now and before. */
export interface ContextType<Schema extends z.ZodType = z.ZodType> {
  /** snake_case. */
  readonly name: string;
  /** What a value must be, in plain JSON. */
  readonly schema: Schema;
  /** Of the schema; one more with each change that older values do not fit. Default 1. */
  readonly version?: number;
  /** By schema version: makes a value of the next version of one of that version. All below `version` are there. */
  readonly upgrades?: Readonly<Record<number, (value: unknown) => unknown>>;
  /** How long an entry is served after it was shared. Default 1 h. */
  readonly ttlMs?: number;
  /** The largest value, in bytes of JSON. Default, and at most, 1 MiB. */
  readonly maxBytes?: number;
}

/** What is shared. */
export interface NewContextEntry {
  readonly sessionId: string;
  readonly type: string;
  readonly key: string;
  readonly value: unknown;
  readonly producer: Producer;
  readonly labels?: Readonly<Record<string, string>>;
  /** The version that this one follows; 0: only where there is none. Without it the last share wins. */
  readonly expectedVersion?: number;
  /** Default: the type's. */
  readonly ttlMs?: number;
}

/** Which entry is meant. */
export interface EntryName {
  readonly sessionId: string;
  readonly type: string;
  readonly key: string;
}

/** Which entries are asked for: the newest version of each, the last shared first. */
export interface ContextQuery {
  readonly sessionId: string;
  readonly type?: string;
  /** The tool that produced it. */
  readonly tool?: string;
  readonly executionId?: string;
  /** Labels that it has, all of them. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Default 100, at most 1,000. */
  readonly limit?: number;
}

/** How much is kept. */
export interface ContextUsage {
  readonly entries: number;
  /** Of the values of all kept versions. */
  readonly bytes: number;
}

/** What tools tell each other within a session. Several processes may share the files. */
export interface ContextStore {
  /** Makes a type known. @throws CONFLICT when another one has its name; TypeError for a definition that breaks the rules */
  register(type: ContextType): void;
  /** The names of the registered types, sorted. */
  types(): readonly string[];
  /**
   * Keeps a new version. When it resolves, the entry survives the death of the process.
   * @throws INVALID_INPUT for an unknown type, a value that its schema refuses or that is too large. CONFLICT for a stale
   * `expectedVersion`, with the present one in `details`, and over what a newer program shared. STORE_FULL when the session or the store holds too much. STORE_*
   */
  share(entry: NewContextEntry): Promise<ContextEntry>;
  /** The newest version; undefined when there is none, it has expired, or it is of a schema that is not known here. @throws STORE_* */
  get(name: EntryName): Promise<ContextEntry | undefined>;
  /** @throws INVALID_INPUT STORE_* */
  query(query: ContextQuery): Promise<readonly ContextEntry[]>;
  /** The kept versions of one entry, the newest first; at most 16, and none of an expired entry. @throws STORE_* */
  history(name: EntryName): Promise<readonly ContextEntry[]>;
  /**
   * Removes an entry with its history; false when there was none.
   * @throws CONFLICT for a stale `expectedVersion`, and for what a newer program shared, or one that knows more types. STORE_*
   */
  remove(name: EntryName & { readonly expectedVersion?: number }): Promise<boolean>;
  /** Removes what an execution shared that was undone since. Earlier versions are served again. @returns how many versions went */
  removeProduced(sessionId: string, executionId: string): Promise<number>;
  /** Removes everything of a session. */
  removeSession(sessionId: string): Promise<void>;
  /** Everything of a session that can be served, with histories, as plain JSON. */
  exportSession(sessionId: string): Promise<readonly unknown[]>;
  usage(sessionId?: string): Promise<ContextUsage>;
  /** Removes what has expired, a few at a time, so that no call waits for it. @returns how many entries went */
  sweep(options?: { readonly signal?: AbortSignal }): Promise<number>;
}

/** How {@link ContextStore} behaves. */
export interface ContextStoreOptions {
  readonly types?: readonly ContextType[];
  /**
   * Told `context.shared` (type, key, version, tool) and `context.removed` (type, key, version where only that went, `why`:
   * `removed` or `undone`; of what expired one for many, with `count`). Default: nobody is.
   */
  readonly events?: Pick<EventBus, "publishSoon">;
  /** Masks secrets before a value is kept. Default: one that masks what looks like a credential. */
  readonly redactor?: Pick<Redactor, "value">;
  /** Default 64 MiB. */
  readonly maxSessionBytes?: number;
  /** Default 512 MiB. */
  readonly maxTotalBytes?: number;
  /** Told of kept values that cannot be served; silent by default. */
  readonly logger?: Logger;
  /** The time, in milliseconds since the epoch; the system's by default. */
  readonly clock?: () => Timestamp;
}
