/**
 * The file in which packages of several processes tell each other something.
 *
 * - X1  A commit does not wait for the disk, so that a small write can be done when its call returns. What was committed
 *       is brought to the disk a moment later (log-sync.ts).
 * - X2  A small write waits for another process's lock for one slice. Who has longer to wait does it with `write`.
 */
import type { Database as SqliteClient } from "better-sqlite3";
import { LogSync } from "./log-sync.ts";
import { SqliteDatabase } from "./sqlite-database.ts";
import type { DatabaseOptions } from "./sqlite-database.ts";
import { toStoreError } from "./store-error.ts";
import type { SharedDatabase } from "./types.ts";

/** A {@link SharedDatabase} on an open connection, which it owns from now on. */
export class SharedSqliteDatabase extends SqliteDatabase implements SharedDatabase {
  readonly #sync: LogSync;
  #failure: string | undefined;

  constructor(client: SqliteClient, options: DatabaseOptions) {
    super(client, {
      ...options,
      onCommit: () => {
        this.#sync.soon();
        options.onCommit();
      },
    });
    this.#sync = new LogSync({ file: client.name, onFailure: (error) => this.#notKept(error) });
  }

  writeNow<Result>(work: () => Result): Result {
    try {
      // Inside another write it is a part of that one.
      return this.client.inTransaction ? (this.transaction(work) as Result) : this.commit(work);
    } catch (thrown) {
      throw toStoreError(thrown, this.path);
    }
  }

  /** What is not as it should be; one sentence each. */
  problems(): readonly string[] {
    return this.#failure === undefined ? [] : [this.#failure];
  }

  override async close(): Promise<void> {
    await this.#sync.close();
    await super.close();
  }

  #notKept(error: unknown): void {
    this.suspect();
    this.#failure = `${this.path} could not be brought to the disk: a power cut may cost what was written last`;
    this.options.logger.error("the log of a file could not be synced to the disk", { file: this.path, error });
  }
}
