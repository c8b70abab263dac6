/**
 * The record as the packages see it: a journal that is appended to, and tables that are made of all journals.
 *
 * - E1  An append touches no SQLite file. It is tried again once when giving up the ballast made room.
 * - E2  The connection that answers queries cannot write.
 * - E3  While there is no room nothing is brought in: what room is left belongs to the ends of what has begun. Queries
 *       are answered from what is there.
 */
import { isKitError } from "@container-kit/errors";
import type { Logger } from "@container-kit/observability";
import type { Database as SqliteClient } from "better-sqlite3";
import { drizzle } from "drizzle-orm/better-sqlite3";
import type { CertainTime } from "./certain-time.ts";
import { fail } from "./errors.ts";
import { BESIDE_CALLS, IngestDriver } from "./ingest-driver.ts";
import type { SkippedLines } from "./ingester.ts";
import { JournalWriter } from "./journal-writer.ts";
import { KeeperHost } from "./keeper-host.ts";
import type { StoreLocation } from "./location.ts";
import { toStoreError } from "./store-error.ts";
import type { StoreGuard } from "./store-guard.ts";
import type { Projection, RecordLog, Retention, Statements, StoreHolder } from "./types.ts";

/** What a record is made of. */
export interface JournaledRecordOptions {
  /** Answers queries. */
  readonly client: SqliteClient;
  /** Opens a connection that writes. */
  readonly connect: () => SqliteClient;
  readonly location: StoreLocation;
  readonly guard: StoreGuard;
  readonly busyTimeoutMs: number;
  readonly logger: Logger;
  readonly retention: Retention;
  readonly clock: () => number;
  readonly time: CertainTime;
  readonly keeper: URL | undefined;
}

const LOOK_EVERY_MS = 100;
const LOOK_AFTER_MS = 1000;
const DAILY_WORK_EVERY_MS = 60_000;

/** A {@link RecordLog} on an open connection, which it owns from now on. */
export class JournaledRecord implements RecordLog {
  readonly path: string;
  readonly statements: Statements;
  readonly #options: JournaledRecordOptions;
  readonly #writer: JournalWriter;
  readonly #driver: IngestDriver;
  readonly #keeper: KeeperHost | undefined;
  #trouble: string | undefined;
  #lookedAt = performance.now();
  #closed = false;

  constructor(options: JournaledRecordOptions) {
    const { client, location, logger } = options;
    this.path = client.name;
    this.statements = drizzle({ client });
    client.pragma("query_only = ON");
    this.#options = options;
    this.#writer = new JournalWriter({
      folder: location.journal,
      logger,
      onSync: () => {
        const now = performance.now();
        if (now - this.#lookedAt >= LOOK_EVERY_MS) this.#look(now);
      },
    });
    this.#driver = new IngestDriver({
      ...options,
      file: client.name,
      folder: location.journal,
      ownJournal: this.#writer.id,
      pace: BESIDE_CALLS,
      onRound: () => (this.#trouble = undefined),
      onError: (error) => this.#failed(error),
    });
    if (options.keeper !== undefined) this.#keeper = this.#makeKeeper(options.keeper);
  }

  admit(): void {
    this.#assertOpen();
    this.#options.guard.admit();
  }

  append(kind: string, body: string): void {
    this.#assertOpen();
    const { guard } = this.#options;
    const now = performance.now();
    if (now - this.#lookedAt >= LOOK_AFTER_MS) this.#look(now);
    guard.assertThere();
    try {
      this.#writer.append(kind, body);
    } catch (error) {
      if (!guard.failed(error)) throw error;
      this.#writer.append(kind, body);
    }
    guard.succeeded();
    this.soon();
  }

  async catchUp(): Promise<void> {
    this.#assertOpen();
    const { guard } = this.#options;
    if (guard.state === "full") return;
    if ((await this.#keeper?.catchUp()) === true) return;
    try {
      await this.#driver.catchUp();
    } catch (error) {
      if (!isKitError(error, "STORE_FULL")) throw error;
      guard.failed(error);
    }
  }

  read<Result>(work: () => Result): Result {
    try {
      this.#assertOpen();
      return work();
    } catch (thrown) {
      throw toStoreError(thrown, this.path);
    }
  }

  /** Gives the entries of a package to its projection from now on. */
  register(projection: Projection): void {
    this.#driver.register(projection);
  }

  /** Who has the store open here. @throws STORE_FULL STORE_UNAVAILABLE */
  holder(): StoreHolder {
    this.#assertOpen();
    return this.#writer.lock.take();
  }

  /** There is something to do in the background. */
  soon(): void {
    if (this.#options.guard.state === "full" || this.#closed) return;
    if (this.#keeper?.isInCharge === true) this.#keeper.soon(this.#writer.appended);
    else this.#driver.soon();
  }

  /** The state has committed: its log is the keeper's business too. */
  committed(): void {
    if (this.#keeper?.isInCharge === true) this.soon();
  }

  /** What is not as it should be; one sentence each. */
  problems(): readonly string[] {
    const { damaged, unknown, refused } = this.#skipped();
    return [
      ...(this.#writer.failure === undefined ? [] : [this.#writer.failure]),
      ...(damaged === 0 ? [] : [`${damaged} damaged lines of the journal were skipped: check the disk`]),
      ...(refused === 0 ? [] : [`${refused} entries of the journal could not be applied: see the log and report them`]),
      ...(unknown === 0 ? [] : [`${unknown} entries of the journal are of no package that is known here`]),
      ...(this.#trouble === undefined ? [] : [`the journal could not be brought into the tables: ${this.#trouble}`]),
      ...(this.#keeper?.damage ?? []),
    ];
  }

  /** Brings in what is left and closes everything. */
  async close(): Promise<void> {
    this.#closed = true;
    const kept = this.#keeper?.close();
    await this.#writer.close();
    await kept;
    await this.#driver.close({ last: this.#options.guard.state === "ok" });
    this.#options.client.close();
  }

  /** Looks whether all is still where it was: beside the path of appends while there are some, on it after a pause. */
  #look(now: number): void {
    this.#lookedAt = now;
    this.#options.guard.look();
    this.#writer.look();
  }

  #makeKeeper(program: URL): KeeperHost {
    const { location, busyTimeoutMs, retention, time, logger } = this.#options;
    return new KeeperHost({
      program,
      data: {
        location,
        ownJournal: this.#writer.id,
        busyTimeoutMs,
        retention,
        seen: time.seen,
        dailyEveryMs: DAILY_WORK_EVERY_MS,
      },
      logger,
      onGone: () => this.soon(),
      onRound: () => (this.#trouble = undefined),
      onFailure: (message, code) => this.#failed(code === "STORE_FULL" ? fail(code, message) : new Error(message)),
    });
  }

  #failed(error: Error): void {
    // Only a full disk keeps lines from being appended: what else fails here is made up for later.
    if (isKitError(error, "STORE_FULL")) this.#options.guard.failed(error);
    if (isKitError(error, "STORE_BUSY") || isKitError(error, "STORE_FULL")) return;
    if (this.#trouble === undefined) this.#options.logger.warn("the journal could not be brought in", { error });
    this.#trouble = error.message;
  }

  #skipped(): SkippedLines {
    const [own, kept] = [this.#driver.skipped, this.#keeper?.skipped];
    return {
      damaged: own.damaged + (kept?.damaged ?? 0),
      unknown: own.unknown + (kept?.unknown ?? 0),
      refused: own.refused + (kept?.refused ?? 0),
    };
  }

  #assertOpen(): void {
    if (this.#closed) throw fail("STORE_UNAVAILABLE", `${this.path} has been closed`);
  }
}
