/**
 * How the files of a store come into being and how a damaged one leaves.
 *
 * - F1  A file appears whole: it is made under another name and then linked to its own. So two processes that
 *       start at once get the same file, and an empty file is a damaged one.
 * - F2  A damaged file is moved aside with its companions, never deleted, never replaced in the same start.
 * - F3  Only this user can read: folders that are made here are 0700, files 0600 whatever the umask.
 * - F4  No descriptor of a file in use is opened and closed beside SQLite: closing it would drop SQLite's locks.
 */
import { randomUUID } from "node:crypto";
import {
  chmodSync,
  closeSync,
  existsSync,
  fsync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import Sqlite from "better-sqlite3";
import { fail } from "./errors.ts";

/** Marks a SQLite file as a store of Container Kit: the letters "CKit" in its header. */
export const APPLICATION_ID = 0x434b6974;

/** The layout that storage itself keeps in a file, apart from the packages' tables. */
export const FORMAT = 1;

/** The modes of what this package makes. */
export const ONLY_THIS_USER = { folder: 0o700, file: 0o600 };

/** What is added to the name of a file for what SQLite keeps beside it; the file itself first. */
export const COMPANIONS = ["", "-journal", "-wal", "-shm"] as const;

const syncAll = promisify(fsync);

/** Makes a folder with its parents, each of whose names survives a power cut; one that is there stays as it is. */
export function makeFolder(folder: string): void {
  // One level after the other: Node's own recursive way never ends below /proc.
  if (existsSync(folder)) return;
  const parent = path.dirname(folder);
  if (parent !== folder) makeFolder(parent);
  try {
    mkdirSync(folder, { mode: ONLY_THIS_USER.folder });
  } catch (error) {
    if (!existsSync(folder)) throw error;
  }
  syncFolder(folder);
}

/** Makes an empty store file if there is none. @throws STORE_CORRUPT when its log was left without it. */
export function makeFile(file: string): void {
  if (existsSync(file)) return;
  refuseOrphanedLog(file);
  const draft = `${file}.new-${randomUUID()}`;
  try {
    closeSync(openSync(draft, "wx", ONLY_THIS_USER.file));
    writeHeader(draft);
    linkUnlessThere(draft, file);
  } finally {
    for (const companion of COMPANIONS) rmSync(draft + companion, { force: true });
  }
  syncFolder(file);
}

/** Takes everybody else's access to a file away. */
export function restrict(file: string): void {
  const open = (statSync(file).mode & 0o777 & ~ONLY_THIS_USER.file) !== 0;
  if (open) chmodSync(file, ONLY_THIS_USER.file);
}

/** Which file a path leads to, to notice when another process has replaced it. */
export function identify(file: string): string {
  const { dev, ino } = statSync(file);
  return `${dev}:${ino}`;
}

/** Moves a damaged file aside and returns its new path, or undefined when it is another file by now. */
export function setAside(file: string, identity: string, now: number): string | undefined {
  if (!existsSync(file) || identify(file) !== identity) return undefined;
  return moveAside(file, asideName(file, "damaged", now));
}

/** Renames a file with its companions, whichever of them are there. */
export function moveAside(file: string, aside: string): string {
  // The file itself goes last: a start that finds its log alone would refuse.
  for (const companion of COMPANIONS.toReversed()) {
    if (existsSync(file + companion)) renameSync(file + companion, aside + companion);
  }
  syncFolder(file);
  return aside;
}

function writeHeader(draft: string): void {
  const client = new Sqlite(draft);
  try {
    // First of all: it is only taken by a file that is still empty.
    client.pragma("auto_vacuum = INCREMENTAL");
    client.pragma(`application_id = ${APPLICATION_ID}`);
    client.pragma(`user_version = ${FORMAT}`);
    client.pragma("journal_mode = WAL");
  } finally {
    client.close();
  }
}

function refuseOrphanedLog(file: string): void {
  // SQLite would apply the log of a lost file to the new one. The second look is for a process that made both just now.
  if (!existsSync(`${file}-wal`) || statSync(`${file}-wal`).size === 0 || existsSync(file)) return;
  throw fail("STORE_CORRUPT", `${file} is missing although its write-ahead log ${file}-wal is there`, {
    remedy: "Put the file back beside its log, or move the log away to begin a new record.",
    details: { file },
  });
}

/** Gives a file its name unless there is one of that name. */
function linkUnlessThere(draft: string, file: string): void {
  try {
    linkSync(draft, file);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== "EEXIST") throw thrown;
  }
}

/** A free name for a file that leaves its place, which says why and when. */
export function asideName(file: string, why: "damaged" | "replaced", now: number): string {
  return freeName(`${file}.${why}-${new Date(now).toISOString().replaceAll(":", "-")}`);
}

function freeName(wanted: string): string {
  let name = wanted;
  for (let copy = 2; existsSync(name); copy += 1) name = `${wanted}-${copy}`;
  return name;
}

/** Brings a file to the disk that nobody has open as a database. */
export function syncFile(file: string): void {
  const descriptor = openSync(file, "r+");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Makes the names in a folder durable, without holding the event loop. */
export async function syncFolderSoon(folder: string): Promise<void> {
  const descriptor = openSync(folder, "r");
  try {
    await syncAll(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Makes a new or changed name durable. */
export function syncFolder(file: string): void {
  const folder = openSync(path.dirname(file), "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
