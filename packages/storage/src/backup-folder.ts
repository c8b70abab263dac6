/**
 * The folder of the backups: one folder each, named by the time of its making in UTC, which holds `state.db` and, unless
 * they were too large, `record.db` and `shared.db`.
 */
import { existsSync, readdirSync, statSync } from "node:fs";
import path from "node:path";
import type { Backup } from "./types.ts";

/** The files of a backup, by what they are copies of. */
export const BACKUP_FILES = { state: "state.db", record: "record.db", shared: "shared.db" } as const;

const NAME = /^\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}Z(?:-\d+)?$/;

/** The name of a backup that is made now. */
export function backupName(now: number): string {
  return new Date(now).toISOString().replaceAll(":", "-");
}

/** Whether something can be the name of a backup, and so is no path to anywhere else. */
export function isBackupName(name: string): boolean {
  return NAME.test(name);
}

/** The backups in a folder, newest first. */
export function listBackupsIn(folder: string): readonly Backup[] {
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder).filter(isBackupName).toSorted().toReversed();
  return names.map((name) => describeBackup(path.join(folder, name)));
}

/** What a backup's folder holds. */
export function describeBackup(folder: string): Backup {
  const name = path.basename(folder);
  const [day = "", time = ""] = name.split("T");
  const madeAt = Date.parse(`${day}T${time.slice(0, 12).replaceAll("-", ":")}Z`);
  const sizes = Object.values(BACKUP_FILES).map(
    (file) => statSync(path.join(folder, file), { throwIfNoEntry: false })?.size ?? 0,
  );
  return { name, folder, madeAt, bytes: sizes.reduce((sum, size) => sum + size, 0) };
}
