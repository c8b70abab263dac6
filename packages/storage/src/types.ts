import type { Logger } from "@container-kit/observability";
import type { BetterSQLite3Database } from "drizzle-orm/better-sqlite3";
import type { ProcessIdentity } from "./process-identity.ts";

/** What was promised, what happened, what packages tell each other, and how all fare; one life. */
export interface Storage {
  /** What has been promised: a write that was acknowledged survives a power cut. */
  readonly state: Database;
  /** What happened: an append that returned survives the death of the process; a power cut costs its last moments. */
  readonly record: RecordLog;
  /** What packages tell each other: a write that is done survives the death of the process; a power cut costs its last moments. */
  readonly shared: SharedDatabase;
  /** The folder that holds the files, absolute. Only this user can enter it if it was made here. */
  readonly folder: string;
  /**
   * Brings all files to the schema of one package; what is there already stays.
   * Blocks until it is done: nothing of the package works before.
   * @throws STORE_UNAVAILABLE when a newer program has migrated a file further: no file is touched. STORE_BUSY STORE_FULL
   */
  migrate(schema: PackageSchema): void;
  /** Who has the store open here, for others to ask after with {@link isHolding}. @throws STORE_FULL STORE_UNAVAILABLE */
  holder(): StoreHolder;
  /** Whether a holder may still have work here; true in doubt. Also of another container, whose processes cannot be seen. */
  isHolding(holder: StoreHolder): boolean;
  /**
   * The moment by which what is old may be removed: the wall's, or an earlier one while the wall is so far ahead of all
   * that this store has seen that it may be wrong. It is believed when it has gone on for a day.
   */
  certainTime(): number;
  /** How the store fares now; cheap. */
  health(): StorageHealth;
  /** A consistent copy of all files in a new folder below `backups/`, made while others write. Older ones beyond `keep` go. */
  backup(options?: BackupOptions): Promise<Backup>;
  /** The backups that are there, newest first. */
  backups(): readonly Backup[];
  /** Writes what is waiting, checkpoints and closes everything. A second call changes nothing. */
  close(): Promise<void>;
}

/** Who has a store open; plain data that can be kept. */
export interface StoreHolder extends ProcessIdentity {
  /** Its journal, beside which a lock lies as long as it has the store open; null where it was not noted. */
  readonly journal: string | null;
}

/** One SQLite file. Every function that runs statements does so through {@link read} or {@link write}. */
export interface Database {
  /** Where the file is, absolute. */
  readonly path: string;
  /** Builds statements on a package's tables. Prepare them once, after {@link Storage.migrate}; run them in `read` or `write`. */
  readonly statements: Statements;
  /**
   * Prepares a query of {@link statements} that runs with each call. A row bears the names that its columns have in SQL.
   *
   * @param bind the values of the query's placeholders, in their order, which is checked here; nothing else is bound
   */
  prepareDirect<Values, Row>(query: BuiltQuery, bind: (values: Values) => readonly unknown[]): DirectQuery<Values, Row>;
  /** Runs queries and turns what the medium reports into this package's codes. */
  read<Result>(work: () => Result): Result;
  /**
   * Runs `work` in a transaction that holds the write lock from its beginning; resolves when it is committed.
   * `work` only runs statements, without awaiting: it is repeated when the lock was not to be had.
   * @throws STORE_FULL at once while the store is read-only for want of space. STORE_UNAVAILABLE STORE_BUSY
   */
  write<Result>(work: () => Result): Promise<Result>;
  /**
   * Lets `work` ride along with the next write, or commits it by itself a moment later. For what may be lost
   * in a crash: of several works with one key, only the last is done.
   */
  writeSoon(key: string, work: () => void): void;
  /** Does now what {@link writeSoon} left for later, so that a read sees it. While the file is locked it stays for later. */
  flush(): void;
}

/** A {@link Database} whose commits do not wait for the disk, so that small ones need not be gathered. */
export interface SharedDatabase extends Database {
  /**
   * As `write`, but done when it returns. Waits for another process for a few milliseconds at most. Inside the work of
   * another write it is a part of that one.
   * @throws STORE_BUSY when the lock was not to be had by then: nothing was done, and `write` waits longer. STORE_FULL STORE_UNAVAILABLE
   */
  writeNow<Result>(work: () => Result): Result;
}

/**
 * What happened, as appended lines of this process's own journal, and the tables that are made of all journals.
 *
 * A call only appends. A keeper brings the lines of all processes into the tables, off the path of any call; whoever
 * reads the tables asks for {@link catchUp} first.
 */
export interface RecordLog {
  /** Where the tables are, absolute. */
  readonly path: string;
  /** Builds queries on the tables. They are read-only here: only a {@link Projection} writes them. */
  readonly statements: Statements;
  /** Refuses work that could not be recorded, before it begins. @throws STORE_FULL STORE_UNAVAILABLE */
  admit(): void;
  /**
   * Appends one entry; when it returns, the entry survives the death of this process.
   * @param kind which {@link Projection} takes it: `package:what`
   * @param body JSON, made by the caller
   * @throws STORE_FULL STORE_UNAVAILABLE
   */
  append(kind: string, body: string): void;
  /**
   * Brings everything that was appended until now, by any process, into the tables. While the store is read-only for want
   * of space they stay as they are. @throws STORE_BUSY STORE_CORRUPT STORE_UNAVAILABLE
   */
  catchUp(): Promise<void>;
  /** Runs queries on the tables. */
  read<Result>(work: () => Result): Result;
}

/** One line of a journal, as a projection gets it. */
export interface JournalEntry {
  readonly kind: string;
  /** The parsed body. Its writer was this program, in this or an older version. */
  readonly body: unknown;
}

/** How a package makes its tables of the journal. Plain functions of plain data: it also runs in the keeper's thread. */
export interface Projection {
  /** Takes the entries whose kind begins with this and a colon. */
  readonly package: string;
  /**
   * The ids of the record's migrations that it was written for. Where a newer program has applied others, it is given
   * nothing: the journals wait for the newer one.
   */
  readonly steps?: readonly string[];
  /** Prepares what it needs on one connection. */
  open(database: Pick<Database, "statements">): OpenProjection;
}

/** A projection on one connection. Each function runs inside a transaction of the record. */
export interface OpenProjection {
  /** Brings entries into the tables, in their order. Repeating an entry must change nothing but counts. */
  apply(entries: readonly JournalEntry[]): void;
  /**
   * Removes what is over the limits: at most `rows` rows, oldest first.
   * @returns how many were removed; 0 ends the round
   */
  prune?(limits: RetentionLimits, rows: number): number;
}

/** What the record keeps; what is older or more is removed in small steps. */
export interface RetentionLimits {
  /** The moment by which age is measured. */
  readonly now: number;
  /** Nothing that began before is kept; milliseconds since the epoch. */
  readonly before: number;
  /** At most so many rows of a package's main table. */
  readonly count: number;
  /** Whether the file is over its size: then the oldest goes until it is not. */
  readonly overSize: boolean;
}

/** How much the record may hold. */
export interface Retention {
  /** Default 30 days. */
  readonly maxAgeMs?: number;
  /** Default 1,000,000. */
  readonly maxCount?: number;
  /** Of the record's file. Default 1 GiB. */
  readonly maxBytes?: number;
}

/** The part of drizzle that builds statements; transactions and connections stay with {@link Database}. */
export type Statements = Pick<BetterSQLite3Database, "select" | "selectDistinct" | "insert" | "update" | "delete">;

/** What {@link Statements} have built, before it is prepared. */
export interface BuiltQuery {
  toSQL(): { readonly sql: string; readonly params: readonly unknown[] };
}

/** A prepared query without anything between it and SQLite. */
export interface DirectQuery<Values, Row> {
  /** The first row; undefined when there is none. */
  get(values: Values): Row | undefined;
  /** Of a query that answers no rows. */
  run(values: Values): { readonly changes: number };
}

/** The tables of one package, as steps from nothing to now. */
export interface PackageSchema {
  /** Whose migrations these are; ids need only be unique within it. */
  readonly package: string;
  readonly state: readonly Migration[];
  readonly record: readonly Migration[];
  /** Default: none. */
  readonly shared?: readonly Migration[];
  /** How its tables in the record come of the journal. */
  readonly projection?: Projection;
}

/** One step of a schema. Once released it never changes: a correction is another step. */
export interface Migration {
  readonly id: string;
  /** SQL statements, one per entry, applied in one transaction. */
  readonly statements: readonly string[];
}

/** How the store fares. `readOnly`: no room on the disk; `unavailable`: the files are gone, replaced or cannot be written. */
export interface StorageHealth {
  readonly status: "ok" | "degraded" | "readOnly" | "unavailable";
  /** One sentence each, with what to do; empty when ok. */
  readonly reasons: readonly string[];
  readonly bytes: {
    readonly state: number;
    readonly record: number;
    readonly shared: number;
    readonly journal: number;
    readonly log: number;
  };
  /** Bytes of journals that are not in the tables yet. */
  readonly behind: number;
}

/** How a backup is made. */
export interface BackupOptions {
  readonly signal?: AbortSignal;
  /** How many backups stay, this one included. Default 3. */
  readonly keep?: number;
}

/** One backup. */
export interface Backup {
  readonly name: string;
  readonly folder: string;
  /** Milliseconds since the epoch. */
  readonly madeAt: number;
  readonly bytes: number;
}

/** How {@link restoreBackup} behaves. */
export interface RestoreOptions {
  /** The time, in milliseconds since the epoch; the system's by default. */
  readonly clock?: () => number;
}

/** What a restore did. */
export interface RestoredBackup {
  readonly backup: Backup;
  /** Where the files are that were in place before. */
  readonly aside: readonly string[];
}

/** How {@link openStorage} behaves. */
export interface StorageOptions {
  /** How long a write waits for other processes. Default 5,000. */
  readonly busyTimeoutMs?: number;
  /** Where trouble in the background is told; silent by default. */
  readonly logger?: Logger;
  /** The time, in milliseconds since the epoch; the system's by default. */
  readonly clock?: () => number;
  readonly retention?: Retention;
  /**
   * The program of the keeper's thread (see {@link runRecordKeeper}). Without one the tables are made in this thread,
   * in small steps: right for a program that ends soon.
   */
  readonly keeper?: URL;
  /** Open the store although it lies on a network file system, where SQLite's locks may not hold. Default false. */
  readonly allowNetworkFileSystem?: boolean;
}
