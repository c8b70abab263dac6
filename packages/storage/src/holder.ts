/**
 * Who has a store open, and how others learn that it has no longer.
 *
 * - L1  Who can be seen is asked after by its number (process-identity.ts). A process in another container cannot: of it
 *       a lock tells, which the kernel gives up with the process, whatever clocks and numbers say.
 * - L2  The lock is SQLite's on an empty file beside the journal, because Node has none of its own. It is taken before
 *       anything is there by which others could come to ask.
 * - L3  Only who holds the lock removes its file, so that none is removed between its making and its taking.
 * - L4  In doubt it is held.
 */
import { closeSync, openSync, readdirSync, rmSync, statSync } from "node:fs";
import path from "node:path";
import Sqlite from "better-sqlite3";
import { makeFolder, ONLY_THIS_USER } from "./files.ts";
import { canSee, identifyProcess, isAlive } from "./process-identity.ts";
import { toStoreError } from "./store-error.ts";
import type { StoreHolder } from "./types.ts";

const NAME = /^([0-9a-f]{16})\.lock$/;
const ATTEMPTS = 5;

/** The lock of one open store. */
export class HolderLock {
  readonly #file: string;
  readonly #folder: string;
  readonly #journal: string;
  #held: { readonly client: Sqlite.Database; readonly inode: number } | undefined;

  /** @param folder that of the journals @param journal whose lock it is */
  constructor(folder: string, journal: string) {
    this.#folder = folder;
    this.#journal = journal;
    this.#file = lockFile(folder, journal);
  }

  /** Takes the lock, once; anew when its file was removed. @throws STORE_FULL STORE_UNAVAILABLE */
  take(): StoreHolder {
    try {
      for (let attempt = 1; !this.#isHeld(); attempt += 1) {
        this.#held?.client.close();
        this.#held = this.#tryToTake(attempt === ATTEMPTS);
      }
    } catch (thrown) {
      throw toStoreError(thrown, this.#file);
    }
    return { ...identifyProcess(process.pid), journal: this.#journal };
  }

  /** Gives it up. What cannot be removed here is removed by others. */
  release(): void {
    const held = this.#held;
    this.#held = undefined;
    if (held === undefined) return;
    if (inodeOf(this.#file) === held.inode) removeQuietly(this.#file);
    held.client.close();
  }

  #isHeld(): boolean {
    return this.#held !== undefined && inodeOf(this.#file) === this.#held.inode;
  }

  #tryToTake(isLast: boolean): { readonly client: Sqlite.Database; readonly inode: number } | undefined {
    makeFolder(this.#folder);
    closeSync(openSync(this.#file, "a", ONLY_THIS_USER.file));
    const inode = statSync(this.#file).ino;
    const client = new Sqlite(this.#file, { fileMustExist: true, timeout: 0 });
    try {
      // Nothing is ever written: not even a rollback journal is to lie beside it.
      client.pragma("journal_mode = MEMORY");
      client.exec("BEGIN EXCLUSIVE");
      return { client, inode };
    } catch (thrown) {
      client.close();
      // Somebody looks whether it is held, or removes it.
      if (isLast || toStoreError(thrown, this.#file).code !== "STORE_BUSY") throw thrown;
      return undefined;
    }
  }
}

/** Whether it may still have work in the store; true in doubt. @param folder that of the journals */
export function isHolding(folder: string, holder: StoreHolder): boolean {
  if (!isAlive(holder)) return false;
  return canSee(holder) || holder.journal === null || isLocked(folder, holder.journal);
}

/** Whether a process has the store of this journal open. */
export function isLocked(folder: string, journal: string): boolean {
  const file = lockFile(folder, journal);
  return isThere(file) && !withLock(file, "BEGIN; SELECT count(*) FROM sqlite_master", () => {});
}

/** The journals of which there are locks, held or not. */
export function listLocks(folder: string): readonly string[] {
  return readdirSync(folder).flatMap((name) => NAME.exec(name)?.[1] ?? []);
}

/** Removes the lock of a journal unless somebody holds it (L3). */
export function removeUnlessHeld(folder: string, journal: string): void {
  const file = lockFile(folder, journal);
  withLock(file, "BEGIN EXCLUSIVE", () => rmSync(file, { force: true }));
}

function withLock(file: string, begin: string, work: () => void): boolean {
  let client: Sqlite.Database | undefined;
  try {
    client = new Sqlite(file, { fileMustExist: true, timeout: 0 });
    client.exec(begin);
    work();
    return true;
  } catch {
    // Held by another, or it cannot be told (L4).
    return false;
  } finally {
    client?.close();
  }
}

function lockFile(folder: string, journal: string): string {
  return path.join(folder, `${journal}.lock`);
}

/** Undefined when it is not there or cannot be looked at. */
function inodeOf(file: string): number | undefined {
  try {
    return statSync(file).ino;
  } catch {
    return undefined;
  }
}

function isThere(file: string): boolean {
  try {
    return statSync(file, { throwIfNoEntry: false }) !== undefined;
  } catch {
    // It cannot be looked at (L4).
    return true;
  }
}

function removeQuietly(file: string): void {
  try {
    rmSync(file, { force: true });
  } catch {
    // Nobody holds it any more, so that the next one who brings journals in removes it.
  }
}
