/**
 * Keeps the log of a file that commits with synchronous=NORMAL on the disk and short, off the path of any call.
 *
 * - K1  A commit is brought to the disk by an fdatasync of the log that begins at most {@link SYNC_AFTER_MS} later.
 * - K2  Only the log is opened, once: closing a second descriptor of the main file would drop SQLite's locks.
 * - K3  A checkpoint is made only when enough pages wait: after a full one the next writer starts the log anew
 *       and syncs its header, so that a timer alone makes every cold call slower.
 * - K4  No timer keeps the process alive.
 */
import { closeSync, fdatasync, openSync } from "node:fs";
import { promisify } from "node:util";
import type { Logger } from "@container-kit/observability";
import type { Database as SqliteDatabase } from "better-sqlite3";

/** Half of the 50 ms that a power cut may cost: the other half is for the disk. */
const SYNC_AFTER_MS = 25;
const CHECKPOINT_FROM_PAGES = 1000;
const syncData = promisify(fdatasync);

/** Looks after one file's log; told of each commit. */
export class WalKeeper {
  readonly #client: SqliteDatabase;
  readonly #logger: Logger;
  #log: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  #syncing: Promise<void> | undefined;
  #unsynced = false;
  #closed = false;

  constructor(client: SqliteDatabase, logger: Logger) {
    this.#client = client;
    this.#logger = logger;
  }

  /** A transaction has been committed. */
  committed(): void {
    this.#unsynced = true;
    if (this.#timer !== undefined || this.#syncing !== undefined || this.#closed) return;
    this.#timer = setTimeout(() => this.#begin(), SYNC_AFTER_MS).unref();
  }

  /** Ends what is under way; the file's own close does the rest. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#syncing;
    if (this.#log !== undefined) closeSync(this.#log);
    this.#log = undefined;
  }

  #begin(): void {
    this.#timer = undefined;
    this.#unsynced = false;
    this.#syncing = this.#sync()
      .catch((error: unknown) => this.#logger.error("the record could not be synced to the disk", { error }))
      .finally(() => {
        this.#syncing = undefined;
        if (this.#unsynced) this.committed();
      });
  }

  async #sync(): Promise<void> {
    this.#log ??= openSync(`${this.#client.name}-wal`, "r");
    await syncData(this.#log);
    if (!this.#closed) this.#shorten();
  }

  #shorten(): void {
    const [{ log, checkpointed } = { log: 0, checkpointed: 0 }] = this.#client.pragma("wal_checkpoint(NOOP)") as {
      log: number;
      checkpointed: number;
    }[];
    if (log - checkpointed >= CHECKPOINT_FROM_PAGES) this.#client.pragma("wal_checkpoint(PASSIVE)");
  }
}
