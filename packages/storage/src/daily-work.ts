/**
 * What one of the processes on a store does once a day: reading the large files through, making a backup, and writing a
 * file anew that cannot be made smaller otherwise.
 *
 * - W1  Each task is claimed in the record by one statement, so that several processes do it once.
 * - W2  A clock that was set back does not stop it: a claim from the future counts as old.
 */
import { statfsSync, statSync } from "node:fs";
import type { Logger } from "@container-kit/observability";
import type { Database as SqliteClient } from "better-sqlite3";
import { listBackupsIn } from "./backup-folder.ts";
import { makeBackup } from "./backup.ts";
import { CREATE_TASKS } from "./certain-time.ts";
import { markDamaged } from "./damage-marker.ts";
import type { IngestDriver } from "./ingest-driver.ts";
import type { KeeperData } from "./keeper-messages.ts";
import { STORE_FILES } from "./location.ts";
import { CHECK_UP_TO_BYTES, findDamage } from "./open-file.ts";

/** What the work is done with. */
export interface DailyWorkOptions {
  readonly data: KeeperData;
  readonly driver: IngestDriver;
  readonly logger: Logger;
  readonly onDamage: (file: string, damage: string) => void;
}

const DAY_MS = 24 * 60 * 60 * 1000;
const BACKUP_UP_TO_BYTES = 256 * 1024 * 1024;
const LAST = "SELECT at FROM _tasks WHERE name = ?";
const CLAIM = `INSERT INTO _tasks (name, at) VALUES (@name, @now)
  ON CONFLICT (name) DO UPDATE SET at = excluded.at WHERE at <= excluded.at - ${DAY_MS} OR at > excluded.at`;

/** Looks now and then whether something is due. */
export class DailyWork {
  readonly #options: DailyWorkOptions;
  #timer: NodeJS.Timeout;
  #working: Promise<void> | undefined;
  readonly #stop = new AbortController();

  constructor(options: DailyWorkOptions) {
    this.#options = options;
    this.#timer = this.#schedule();
  }

  async close(): Promise<void> {
    this.#stop.abort();
    clearTimeout(this.#timer);
    await this.#working;
  }

  #schedule(): NodeJS.Timeout {
    return setTimeout(() => {
      this.#working = this.#work().finally(() => {
        if (!this.#stop.signal.aborted) this.#timer = this.#schedule();
      });
    }, this.#options.data.dailyEveryMs).unref();
  }

  async #work(): Promise<void> {
    const { driver, logger } = this.#options;
    try {
      if (this.#claim(driver.client, "check")) this.#check();
      if (this.#claim(driver.client, "backup")) await this.#backUp();
      if (driver.upkeep.needsRewrite() && this.#claim(driver.client, "rewrite")) this.#rewrite(driver.client);
    } catch (error) {
      if (!this.#stop.signal.aborted) logger.warn("the daily work on the store failed", { error });
    }
  }

  #claim(client: SqliteClient, name: string): boolean {
    client.exec(CREATE_TASKS);
    const last = client.prepare(LAST).pluck().get(name);
    const since = Date.now() - Number(last ?? 0);
    if (since >= 0 && since < DAY_MS) return false;
    return client.prepare(CLAIM).run({ name, now: Date.now() }).changes === 1;
  }

  #check(): void {
    const { location, busyTimeoutMs } = this.#options.data;
    for (const file of STORE_FILES.map((part) => location[part])) {
      if (statSync(file).size <= CHECK_UP_TO_BYTES) continue;
      const damage = findDamage(file, { busyTimeoutMs, whole: true });
      if (damage === undefined) continue;
      markDamaged(file, damage);
      this.#options.onDamage(file, damage);
    }
  }

  async #backUp(): Promise<void> {
    const { data, driver } = this.#options;
    const [newest] = listBackupsIn(data.location.backups);
    if (newest !== undefined && Math.abs(Date.now() - newest.madeAt) < DAY_MS / 2) return;
    await driver.catchUp();
    // The state is copied whatever its size.
    const parts = STORE_FILES.filter(
      (part) => part === "state" || statSync(data.location[part]).size <= BACKUP_UP_TO_BYTES,
    );
    await makeBackup({ location: data.location, now: Date.now(), parts, signal: this.#stop.signal });
  }

  /** For a file that was made before files could shrink; it needs room for a second one and a log of its size. */
  #rewrite(client: SqliteClient): void {
    const { bavail, bsize } = statfsSync(this.#options.data.location.folder);
    if (bavail * bsize < 3 * statSync(client.name).size) return;
    client.pragma("auto_vacuum = INCREMENTAL");
    client.exec("VACUUM");
  }
}
