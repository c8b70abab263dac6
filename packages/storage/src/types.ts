import type { Logger } from "@container-kit/observability";
import type { BetterSQLite3Database } from "drizzle-orm/better-sqlite3";

/** Two databases with one life: what was promised, and what happened. */
export interface Storage {
  /** What has been promised: a write that was acknowledged survives a power cut. */
  readonly state: Database;
  /** What happened: a write that was acknowledged survives the death of the process; a power cut costs its last moments. */
  readonly record: Database;
  /** The folder that holds both files, absolute. Only this user can enter it if it was made here. */
  readonly folder: string;
  /**
   * Brings both databases to the schema of one package; what is there already stays.
   * Blocks until it is done: nothing of the package works before.
   * @throws STORE_UNAVAILABLE when a newer program has migrated a file further: neither file is touched. STORE_BUSY STORE_FULL
   */
  migrate(schema: PackageSchema): void;
  /** Writes what is waiting, checkpoints and closes both files. A second call changes nothing. */
  close(): Promise<void>;
}

/** One SQLite file. Every function that runs statements does so through {@link read} or {@link write}. */
export interface Database {
  /** Where the file is, absolute. */
  readonly path: string;
  /** Builds statements on a package's tables. Prepare them once, after {@link Storage.migrate}; run them in `read` or `write`. */
  readonly statements: Statements;
  /** Runs queries and turns what the medium reports into this package's codes. */
  read<Result>(work: () => Result): Result;
  /**
   * Runs `work` in a transaction that holds the write lock from its beginning; resolves when it is committed.
   * `work` only runs statements, without awaiting: it is repeated when the lock was not to be had.
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

/** The part of drizzle that builds statements; transactions and connections stay with {@link Database}. */
export type Statements = Pick<BetterSQLite3Database, "select" | "selectDistinct" | "insert" | "update" | "delete">;

/** The tables of one package, as steps from nothing to now. */
export interface PackageSchema {
  /** Whose migrations these are; ids need only be unique within it. */
  readonly package: string;
  readonly state: readonly Migration[];
  readonly record: readonly Migration[];
}

/** One step of a schema. Once released it never changes: a correction is another step. */
export interface Migration {
  readonly id: string;
  /** SQL statements, one per entry, applied in one transaction. */
  readonly statements: readonly string[];
}

/** How {@link openStorage} behaves. */
export interface StorageOptions {
  /** How long a write waits for other processes. Default 5,000. */
  readonly busyTimeoutMs?: number;
  /** Where trouble in the background is told; silent by default. */
  readonly logger?: Logger;
  /** The time, in milliseconds since the epoch; the system's by default. */
  readonly clock?: () => number;
}
