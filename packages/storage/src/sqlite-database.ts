/**
 * One SQLite file as the packages see it.
 *
 * - D1  Every transaction that writes takes the write lock at its beginning (BEGIN IMMEDIATE): one that read first
 *       would fail at once, whatever the timeout, when another process has written in between.
 * - D2  Waiting for another process's lock holds the event loop for a few milliseconds at a time, never for the whole wait.
 * - D3  Where each commit waits for the disk, the writes of one turn of the event loop share a transaction; each
 *       still fails for itself.
 * - D4  What was left for later is done in the next transaction, before its own work. By itself it commits without
 *       waiting for the disk: it is what may be lost.
 * - D5  No cursor leaves a read: an open one would keep the log from being checkpointed.
 */
import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import { isKitError } from "@container-kit/errors";
import type { Logger } from "@container-kit/observability";
import type { Database as SqliteClient, Transaction } from "better-sqlite3";
import { drizzle } from "drizzle-orm/better-sqlite3";
import { fail } from "./errors.ts";
import { toStoreError } from "./store-error.ts";
import type { Database, Statements } from "./types.ts";

/** How one file is driven. */
export interface DatabaseOptions {
  /** Whether each commit waits for the disk, so that sharing one pays. */
  readonly waitsForDisk: boolean;
  readonly busyTimeoutMs: number;
  readonly logger: Logger;
  readonly onCommit?: () => void;
}

interface QueuedWrite {
  /** Does the work in a savepoint; what it returns answers the caller once the transaction is committed. */
  attempt(): () => void;
  reject(reason: unknown): void;
}

const LOCK_SLICE_MS = 5;
const RETRY_PAUSE_MS = 10;
const SOON_MS = 50;

/** A {@link Database} on an open connection, which it owns from now on. */
export class SqliteDatabase implements Database {
  readonly path: string;
  readonly statements: Statements;
  readonly #client: SqliteClient;
  readonly #options: DatabaseOptions;
  readonly #transaction: Transaction<(work: () => unknown) => unknown>;
  readonly #soon = new Map<string, () => void>();
  #soonTimer: NodeJS.Timeout | undefined;
  #queue: QueuedWrite[] = [];
  #draining: Promise<void> | undefined;

  constructor(client: SqliteClient, options: DatabaseOptions) {
    this.path = client.name;
    this.statements = drizzle({ client });
    this.#client = client;
    this.#options = options;
    this.#transaction = client.transaction((work: () => unknown) => work());
    client.pragma(`busy_timeout = ${LOCK_SLICE_MS}`);
  }

  read<Result>(work: () => Result): Result {
    try {
      this.#assertOpen();
      return work();
    } catch (thrown) {
      throw toStoreError(thrown, this.path);
    }
  }

  write<Result>(work: () => Result): Promise<Result> {
    return this.#options.waitsForDisk ? this.#enqueue(work) : this.#persist(work);
  }

  writeSoon(key: string, work: () => void): void {
    // Deleted first, so that a repeated key moves to the end: works are done in the order of their last call.
    this.#soon.delete(key);
    this.#soon.set(key, work);
    this.#soonTimer ??= setTimeout(() => this.#flushByTimer(), SOON_MS).unref();
  }

  flush(): void {
    if (this.#soon.size === 0 || !this.#client.open) return;
    try {
      this.#withoutWaiting(() => this.#commit(() => {}));
    } catch (thrown) {
      if (isKitError(toStoreError(thrown, this.path), "STORE_BUSY")) {
        this.#soonTimer ??= setTimeout(() => this.#flushByTimer(), SOON_MS).unref();
        return;
      }
      this.#soon.clear();
      this.#options.logger.warn("small updates of the store were lost", { file: this.path, error: thrown });
    }
  }

  /** Ends queued writes, checkpoints and closes the connection. */
  async close(): Promise<void> {
    await this.#draining;
    this.flush();
    clearTimeout(this.#soonTimer);
    try {
      this.#client.pragma("wal_checkpoint(TRUNCATE)");
    } catch (error) {
      // Everything is in the log already; the next start reads it from there.
      this.#options.logger.warn("the store was closed without a checkpoint", { file: this.path, error });
    } finally {
      this.#client.close();
    }
  }

  #enqueue<Result>(work: () => Result): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      const attempt = (): (() => void) => {
        const value = this.#transaction(work) as Result;
        return () => resolve(value);
      };
      this.#queue.push({ attempt, reject });
      this.#draining ??= this.#drain();
    });
  }

  async #drain(): Promise<void> {
    await nextTurn();
    while (this.#queue.length > 0) {
      const batch = this.#queue;
      this.#queue = [];
      try {
        const answers = await this.#persist(() => batch.map((queued) => this.#attempt(queued)));
        for (const answer of answers) answer();
      } catch (error) {
        for (const queued of batch) queued.reject(error);
      }
    }
    this.#draining = undefined;
  }

  #attempt(queued: QueuedWrite): () => void {
    try {
      return queued.attempt();
    } catch (thrown) {
      // SQLite gives the whole transaction up when the disk fails it.
      if (!this.#client.inTransaction) throw thrown;
      return () => queued.reject(toStoreError(thrown, this.path));
    }
  }

  async #persist<Result>(work: () => Result): Promise<Result> {
    const deadline = performance.now() + this.#options.busyTimeoutMs;
    for (;;) {
      try {
        return this.#commit(work);
      } catch (thrown) {
        const error = toStoreError(thrown, this.path);
        if (!isKitError(error, "STORE_BUSY") || performance.now() >= deadline) throw error;
      }
      await sleep(RETRY_PAUSE_MS);
    }
  }

  #commit<Result>(work: () => Result): Result {
    this.#assertOpen();
    const whole = this.#soon.size === 0 ? work : () => (this.#doSoon(), work());
    const result = this.#transaction.immediate(whole) as Result;
    this.#soon.clear();
    this.#options.onCommit?.();
    return result;
  }

  #doSoon(): void {
    for (const [key, work] of this.#soon) {
      try {
        work();
      } catch (error) {
        if (!this.#client.inTransaction) throw error;
        this.#options.logger.warn("a small update of the store failed", { file: this.path, key, error });
      }
    }
  }

  #flushByTimer(): void {
    this.#soonTimer = undefined;
    this.flush();
  }

  #withoutWaiting(commit: () => void): void {
    if (!this.#options.waitsForDisk) return commit();
    this.#client.pragma("synchronous = NORMAL");
    try {
      commit();
    } finally {
      this.#client.pragma("synchronous = FULL");
    }
  }

  #assertOpen(): void {
    if (!this.#client.open) throw fail("STORE_UNAVAILABLE", `${this.path} has been closed`);
  }
}
