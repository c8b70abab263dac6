/**
 * Puts a backup in the place of the present files.
 *
 * - Y1  Only while nobody has the store open: proven by an exclusive lock on all files, which is held until the copies
 *       are in their places.
 * - Y2  Nothing is deleted: the present files are set aside. A file that is whole is replaced in one step, so that no
 *       start in between finds none and begins a new one.
 * - Y3  The journals stay. What was appended after the backup and is still in them comes into the restored record.
 * - Y4  A backup that is damaged or of another program is refused before anything is changed.
 * - Y5  A file of which the backup has no copy, because it was too large or came with a later version, stays.
 */
import { randomUUID } from "node:crypto";
import { chmodSync, copyFileSync, existsSync, linkSync, renameSync, rmSync } from "node:fs";
import path from "node:path";
import Sqlite from "better-sqlite3";
import { BACKUP_FILES, describeBackup, isBackupName, listBackupsIn } from "./backup-folder.ts";
import { unmark } from "./damage-marker.ts";
import { fail } from "./errors.ts";
import { failpoint } from "./failpoint.ts";
import { asideName, COMPANIONS, moveAside, ONLY_THIS_USER, syncFile, syncFolder } from "./files.ts";
import { parseStoreUrl, STORE_FILES } from "./location.ts";
import type { StoreLocation } from "./location.ts";
import { findDamage } from "./open-file.ts";
import { isDamage, toStoreError } from "./store-error.ts";
import type { RestoredBackup, RestoreOptions } from "./types.ts";

const LOCK_WAIT_MS = 500;

interface Part {
  readonly file: string;
  readonly copy: string;
  readonly draft: string;
}

/**
 * Puts a backup in the place of the present files, which are set aside. Run it again if it was interrupted.
 *
 * @throws NOT_FOUND when there is no such backup. STORE_BUSY while a process has the store open. STORE_CORRUPT when the
 * backup is damaged. STORE_UNAVAILABLE STORE_FULL INVALID_INPUT UNSUPPORTED
 */
export function restoreBackup(url: string, name: string, { clock = Date.now }: RestoreOptions = {}): RestoredBackup {
  const location = parseStoreUrl(url);
  const folder = findBackup(location, name);
  const parts = STORE_FILES.flatMap((part) => {
    const copy = path.join(folder, BACKUP_FILES[part]);
    const file = location[part];
    return existsSync(copy) ? [{ file, copy, draft: `${file}.new-${randomUUID()}` }] : [];
  });
  try {
    for (const part of parts) prepare(part);
    return { backup: describeBackup(folder), aside: replaceAll(location, parts, clock()) };
  } catch (thrown) {
    throw toStoreError(thrown, location.folder);
  } finally {
    for (const { draft } of parts) for (const companion of COMPANIONS) rmSync(draft + companion, { force: true });
  }
}

function findBackup({ backups }: StoreLocation, name: string): string {
  const folder = path.join(backups, name);
  if (isBackupName(name) && existsSync(path.join(folder, BACKUP_FILES.state))) return folder;
  const names = listBackupsIn(backups).map((backup) => backup.name);
  throw fail("NOT_FOUND", "there is no backup of that name", {
    remedy: names.length === 0 ? "There are no backups of this store." : `Name one of these: ${names.join(", ")}.`,
    details: { name, backups: names },
  });
}

/** Copies a file beside the place where it is to go, and looks whether it is whole (Y4). */
function prepare({ copy, draft }: Part): void {
  copyFileSync(copy, draft);
  chmodSync(draft, ONLY_THIS_USER.file);
  const damage = findDamage(draft, { busyTimeoutMs: LOCK_WAIT_MS, whole: true });
  if (damage !== undefined) {
    throw fail("STORE_CORRUPT", `the backup ${copy} is damaged (${damage}); nothing was changed`, {
      remedy: "Restore an older backup.",
      details: { file: copy },
    });
  }
  syncFile(draft);
}

function replaceAll(location: StoreLocation, parts: readonly Part[], now: number): readonly string[] {
  const locks: Sqlite.Database[] = [];
  try {
    for (const part of STORE_FILES) locks.push(...lockAlone(location[part]));
    return parts.flatMap((part) => replace(part, now));
  } finally {
    for (const lock of locks) lock.close();
  }
}

/** Keeps everybody else out of a file until the connection is closed; none for a file that is missing or damaged. */
function lockAlone(file: string): readonly Sqlite.Database[] {
  if (!existsSync(file)) return [];
  const client = new Sqlite(file, { timeout: LOCK_WAIT_MS });
  try {
    client.pragma("locking_mode = EXCLUSIVE");
    // Only who is alone with a file can end its log; the file is then whole without companions.
    client.pragma("journal_mode = DELETE");
    client.exec("BEGIN EXCLUSIVE; COMMIT");
    return [client];
  } catch (thrown) {
    client.close();
    if (isDamage(thrown)) return [];
    const error = toStoreError(thrown, file);
    if (error.code !== "STORE_BUSY") throw error;
    throw fail("STORE_BUSY", `${file} is in use; nothing was changed`, {
      cause: thrown,
      remedy: "End every server and command that uses this store, then restore again.",
      details: { file },
    });
  }
}

function replace({ file, draft }: Part, now: number): readonly string[] {
  const aside = keepPresent(file, now);
  failpoint("restore.aside");
  renameSync(draft, file);
  unmark(file);
  syncFolder(file);
  failpoint("restore.placed");
  return aside === undefined ? [] : [aside];
}

function keepPresent(file: string, now: number): string | undefined {
  if (!COMPANIONS.some((companion) => existsSync(file + companion))) return undefined;
  const aside = asideName(file, "replaced", now);
  // A log that could not be ended belongs to a file that is damaged or gone, and must not be applied to the copy.
  if (!existsSync(file) || existsSync(`${file}-wal`)) return moveAside(file, aside);
  linkSync(file, aside);
  return aside;
}
