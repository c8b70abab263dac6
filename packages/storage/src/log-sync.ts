/**
 * Brings the log of a file whose commits do not wait for the disk to the disk, a moment after a commit.
 *
 * - G1  It happens off the thread of the calls, and begins at most {@link SYNC_AFTER_MS} after the commit.
 * - G2  Only the log is opened, once: SQLite has no locks on it that closing a second descriptor would drop.
 * - G3  No timer keeps the process alive.
 */
import { closeSync, fdatasync, openSync } from "node:fs";
import { promisify } from "node:util";

/** How a log is brought to the disk. */
export interface LogSyncOptions {
  /** The file whose log it is. */
  readonly file: string;
  /** Told when the disk did not keep it. */
  readonly onFailure: (error: unknown) => void;
}

/** Half of the 50 ms that a power cut may cost: the other half is for the disk. */
const SYNC_AFTER_MS = 25;
const syncData = promisify(fdatasync);

/** One per open file. */
export class LogSync {
  readonly #options: LogSyncOptions;
  #log: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  #syncing: Promise<void> | undefined;
  #waiting = false;
  #closed = false;

  constructor(options: LogSyncOptions) {
    this.#options = options;
  }

  /** Something was committed. */
  soon(): void {
    this.#waiting = true;
    if (this.#timer !== undefined || this.#syncing !== undefined || this.#closed) return;
    this.#timer = setTimeout(() => this.#begin(), SYNC_AFTER_MS).unref();
  }

  /** Ends what is under way; what waits or is still committed is left to the checkpoint with which the file is closed. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#syncing;
    if (this.#log !== undefined) closeSync(this.#log);
    this.#log = undefined;
  }

  #begin(): void {
    this.#timer = undefined;
    this.#waiting = false;
    this.#syncing = this.#sync().finally(() => {
      this.#syncing = undefined;
      if (this.#waiting) this.soon();
    });
  }

  async #sync(): Promise<void> {
    try {
      this.#log ??= openSync(`${this.#options.file}-wal`, "r");
      await syncData(this.#log);
    } catch (error) {
      this.#options.onFailure(error);
    }
  }
}
