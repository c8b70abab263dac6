/**
 * Copies a store while it is in use.
 *
 * - Z1  Each copy is of one moment: a read transaction is held while it is made, so that writers neither show in it nor
 *       make it begin again. All transactions begin in one turn.
 * - Z2  A backup appears whole: it is made under another name and renamed when it is on the disk.
 * - Z3  Copies are made through SQLite on connections of their own; pages at a time, so that the event loop goes on.
 */
import { randomUUID } from "node:crypto";
import { closeSync, existsSync, mkdirSync, openSync, renameSync, rmSync } from "node:fs";
import path from "node:path";
import Sqlite from "better-sqlite3";
import { BACKUP_FILES, backupName, describeBackup, listBackupsIn } from "./backup-folder.ts";
import { fail } from "./errors.ts";
import { failpoint } from "./failpoint.ts";
import { makeFolder, ONLY_THIS_USER, syncFile, syncFolder } from "./files.ts";
import { parseStoreUrl, STORE_FILES } from "./location.ts";
import type { StoreFile, StoreLocation } from "./location.ts";
import { toStoreError } from "./store-error.ts";
import type { Backup, BackupOptions } from "./types.ts";

const KEEP = 3;
const PAGES_PER_STEP = 200;

/** What is copied. */
export interface BackupPlan extends BackupOptions {
  readonly location: Pick<StoreLocation, StoreFile | "backups">;
  readonly now: number;
  /** Which files are copied; the state is always one of them. Default: all. */
  readonly parts?: readonly StoreFile[];
}

/** Makes one backup and removes those that are too many. @throws CANCELLED STORE_FULL STORE_UNAVAILABLE STORE_BUSY */
export async function makeBackup(plan: BackupPlan): Promise<Backup> {
  const { location, signal } = plan;
  const draft = path.join(location.backups, `.new-${randomUUID()}`);
  try {
    signal?.throwIfAborted();
    makeFolder(location.backups);
    mkdirSync(draft, { mode: ONLY_THIS_USER.folder });
    await copyInto(draft, plan);
    const made = giveName(draft, plan);
    removeOld(location.backups, plan.keep ?? KEEP);
    return made;
  } catch (thrown) {
    rmSync(draft, { recursive: true, force: true });
    if (signal?.aborted === true) throw fail("CANCELLED", "the backup was cancelled", { cause: thrown });
    throw toStoreError(thrown, location.backups);
  }
}

/**
 * The backups of a store, newest first; the store need not be open.
 * @throws INVALID_INPUT UNSUPPORTED
 */
export function listBackups(url: string): readonly Backup[] {
  return listBackupsIn(parseStoreUrl(url).backups);
}

async function copyInto(draft: string, { location, parts = STORE_FILES, signal }: BackupPlan): Promise<void> {
  const sources = parts.map((part) => ({ part, client: new Sqlite(location[part], { fileMustExist: true }) }));
  try {
    for (const { client } of sources) {
      client.exec("BEGIN");
      client.prepare("SELECT count(*) FROM sqlite_master").get();
    }
    for (const { part, client } of sources) {
      const copy = path.join(draft, BACKUP_FILES[part]);
      // Made here and not by SQLite, for its mode.
      closeSync(openSync(copy, "wx", ONLY_THIS_USER.file));
      await client.backup(copy, {
        progress: () => {
          signal?.throwIfAborted();
          return PAGES_PER_STEP;
        },
      });
      syncFile(copy);
      failpoint(`backup.${part}`);
    }
  } finally {
    for (const { client } of sources) client.close();
  }
}

function giveName(draft: string, { location, now }: BackupPlan): Backup {
  const wanted = path.join(location.backups, backupName(now));
  let folder = wanted;
  for (let copy = 2; existsSync(folder); copy += 1) folder = `${wanted}-${copy}`;
  syncFolder(path.join(draft, BACKUP_FILES.state));
  renameSync(draft, folder);
  syncFolder(folder);
  failpoint("backup.named");
  return describeBackup(folder);
}

function removeOld(backups: string, keep: number): void {
  for (const { folder } of listBackupsIn(backups).slice(Math.max(1, keep)))
    rmSync(folder, { recursive: true, force: true });
}
