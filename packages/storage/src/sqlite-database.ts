/**
 * One SQLite file as the packages see it.
 *
 * - D1  Every transaction that writes takes the write lock at its beginning (BEGIN IMMEDIATE): one that read first
 *       would fail at once, whatever the timeout, when another process has written in between.
 * - D2  Waiting for another process's lock holds the event loop for a few milliseconds at a time, never for the whole wait.
 * - D3  Where a commit waits for the disk, the writes of one turn of the event loop share a transaction; each still
 *       fails for itself.
 * - D4  What was left for later is done in the next transaction, before its own work. By itself it commits without
 *       waiting for the disk: it is what may be lost.
 * - D5  No cursor leaves a read: an open one would keep the log from being checkpointed.
 * - D6  After the disk has failed to take a write or a sync, the file is read through before the next write: what the
 *       kernel then says of its pages may not be what the disk holds.
 * - D7  What a package throws inside its own work is its own: its limits do not close the store.
 */
import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import { isKitError } from "@container-kit/errors";
import type { Logger } from "@container-kit/observability";
import type { Database as SqliteClient, Transaction } from "better-sqlite3";
import { drizzle } from "drizzle-orm/better-sqlite3";
import { prepareDirect } from "./direct-query.ts";
import { fail } from "./errors.ts";
import { isDiskFailure, isMediumError, toStoreError } from "./store-error.ts";
import type { StoreGuard } from "./store-guard.ts";
import type { BuiltQuery, Database, DirectQuery, Statements } from "./types.ts";

/** How one file is driven. */
export interface DatabaseOptions {
  readonly busyTimeoutMs: number;
  readonly logger: Logger;
  readonly guard: Pick<StoreGuard, "admit" | "failed" | "succeeded">;
  /** Reads the whole file through a connection of its own (D6). @throws STORE_CORRUPT STORE_UNAVAILABLE */
  readonly recheck: () => void;
  readonly onCommit: () => void;
}

interface QueuedWrite {
  /** Does the work in a savepoint; what it returns answers the caller once the transaction is committed. */
  attempt(): () => void;
  reject(reason: unknown): void;
}

/** As SQLite counts its levels of `synchronous`. */
const FULL = 2;
const LOCK_SLICE_MS = 5;
const RETRY_PAUSE_MS = 10;
const SOON_MS = 50;
const SOON_AGAIN_MS = 1000;

/** A {@link Database} on an open connection, which it owns from now on. */
export class SqliteDatabase implements Database {
  readonly path: string;
  readonly statements: Statements;
  protected readonly client: SqliteClient;
  protected readonly options: DatabaseOptions;
  protected readonly transaction: Transaction<(work: () => unknown) => unknown>;
  #soon = new Map<string, () => void>();
  #soonTimer: NodeJS.Timeout | undefined;
  #queue: QueuedWrite[] = [];
  #draining: Promise<void> | undefined;
  #suspect = false;
  /** Whether a commit waits for the disk unless it is told not to. */
  readonly #waits: boolean;

  constructor(client: SqliteClient, options: DatabaseOptions) {
    this.path = client.name;
    this.statements = drizzle({ client });
    this.client = client;
    this.options = options;
    this.transaction = client.transaction((work: () => unknown) => work());
    client.pragma(`busy_timeout = ${LOCK_SLICE_MS}`);
    this.#waits = client.pragma("synchronous", { simple: true }) === FULL;
  }

  prepareDirect<Values, Row>(
    query: BuiltQuery,
    bind: (values: Values) => readonly unknown[],
  ): DirectQuery<Values, Row> {
    return prepareDirect(this.client, query, bind);
  }

  read<Result>(work: () => Result): Result {
    try {
      this.assertOpen();
      return work();
    } catch (thrown) {
      throw toStoreError(thrown, this.path);
    }
  }

  write<Result>(work: () => Result): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      const attempt = (): (() => void) => {
        const value = this.transaction(work) as Result;
        return () => resolve(value);
      };
      this.#queue.push({ attempt, reject });
      this.#draining ??= this.#drain();
    });
  }

  writeSoon(key: string, work: () => void): void {
    // Deleted first, so that a repeated key moves to the end: works are done in the order of their last call.
    this.#soon.delete(key);
    this.#soon.set(key, work);
    this.#soonTimer ??= setTimeout(() => this.#flushByTimer(), SOON_MS).unref();
  }

  flush(): void {
    if (this.#soon.size === 0 || !this.client.open) return;
    try {
      this.#withoutWaiting(() => this.commit(() => {}));
    } catch (thrown) {
      const error = toStoreError(thrown, this.path);
      if (isMediumError(thrown)) {
        const pause = isKitError(error, "STORE_BUSY") ? SOON_MS : SOON_AGAIN_MS;
        this.#soonTimer ??= setTimeout(() => this.#flushByTimer(), pause).unref();
        return;
      }
      this.#soon.clear();
      this.options.logger.warn("small updates of the store were lost", { file: this.path, error });
    }
  }

  /** Ends queued writes, checkpoints and closes the connection. */
  async close(): Promise<void> {
    await this.#draining;
    this.flush();
    clearTimeout(this.#soonTimer);
    if (this.#soon.size > 0) this.options.logger.warn("small updates of the store were lost", { file: this.path });
    try {
      this.client.pragma("wal_checkpoint(TRUNCATE)");
    } catch (error) {
      // Everything is in the log already; the next start reads it from there.
      this.options.logger.warn("the store was closed without a checkpoint", { file: this.path, error });
    } finally {
      this.client.close();
    }
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
      if (!this.client.inTransaction) throw thrown;
      this.#noteFailure(thrown);
      return () => queued.reject(toStoreError(thrown, this.path));
    }
  }

  async #persist<Result>(work: () => Result): Promise<Result> {
    const deadline = performance.now() + this.options.busyTimeoutMs;
    for (;;) {
      try {
        return this.commit(work);
      } catch (thrown) {
        const error = toStoreError(thrown, this.path);
        if (!isKitError(error, "STORE_BUSY") || performance.now() >= deadline) throw error;
      }
      await sleep(RETRY_PAUSE_MS);
    }
  }

  /** Does the work in a transaction of its own, with what was left for later. */
  protected commit<Result>(work: () => Result): Result {
    this.assertOpen();
    const { guard } = this.options;
    guard.admit();
    const soon = this.#soon;
    try {
      if (this.#suspect) this.options.recheck();
      this.#suspect = false;
      if (soon.size === 0) return this.#commitWhole(work);
      // What the works themselves leave for later is of the next transaction.
      this.#soon = new Map();
      return this.#commitWhole(() => (this.#doSoon(soon), work()));
    } catch (thrown) {
      if (soon !== this.#soon) this.#putBack(soon);
      this.#noteFailure(thrown);
      throw thrown;
    }
  }

  /** The disk may not hold what was given to it: the file is read through before the next write (D6). */
  protected suspect(): void {
    this.#suspect = true;
  }

  #commitWhole<Result>(work: () => Result): Result {
    const result = this.transaction.immediate(work) as Result;
    this.options.guard.succeeded();
    this.options.onCommit();
    return result;
  }

  #putBack(soon: Map<string, () => void>): void {
    for (const [key, work] of this.#soon) {
      soon.delete(key);
      soon.set(key, work);
    }
    this.#soon = soon;
  }

  #noteFailure(thrown: unknown): void {
    if (isKitError(thrown) && thrown.cause === undefined) return; // D7
    this.#suspect ||= isDiskFailure(thrown);
    if (isMediumError(thrown)) this.options.guard.failed(toStoreError(thrown, this.path));
  }

  #doSoon(soon: ReadonlyMap<string, () => void>): void {
    for (const [key, work] of soon) {
      try {
        work();
      } catch (error) {
        if (!this.client.inTransaction) throw error;
        this.options.logger.warn("a small update of the store failed", { file: this.path, key, error });
      }
    }
  }

  #flushByTimer(): void {
    this.#soonTimer = undefined;
    this.flush();
  }

  #withoutWaiting(commit: () => void): void {
    if (!this.#waits) return commit();
    this.client.pragma("synchronous = NORMAL");
    try {
      commit();
    } finally {
      this.client.pragma("synchronous = FULL");
    }
  }

  protected assertOpen(): void {
    if (!this.client.open) throw fail("STORE_UNAVAILABLE", `${this.path} has been closed`);
  }
}
