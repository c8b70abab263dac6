/**
 * Opens one file of a store, or says why not.
 *
 * - O1  A file is inspected through a connection that cannot write before one that can is opened: what is not ours,
 *       comes from a newer program or is damaged stays as it was.
 * - O2  A file of up to {@link CHECK_UP_TO_BYTES} is read through at each start. A larger one is read through by the
 *       keeper, which leaves a note when it finds damage.
 * - O3  The files differ in one setting: the state file commits with synchronous=FULL, the others with NORMAL.
 */
import { statSync } from "node:fs";
import Sqlite from "better-sqlite3";
import { listBackupsIn } from "./backup-folder.ts";
import { findMarkedDamage, unmark } from "./damage-marker.ts";
import { fail } from "./errors.ts";
import { APPLICATION_ID, FORMAT, identify, makeFile, restrict, setAside } from "./files.ts";
import { findChangedDefinition } from "./ledger.ts";
import type { StoreFile } from "./location.ts";
import { isDamage, isStatementError, toStoreError } from "./store-error.ts";

/** How a file is opened. */
export interface OpenFileOptions {
  /** Which of the files it is (O3). */
  readonly part: StoreFile;
  readonly busyTimeoutMs: number;
  readonly clock: () => number;
  /** The folder of the backups, to offer the newest one. */
  readonly backups: string;
  /** Whether a thread of its own makes the checkpoints, so that no commit has to. */
  readonly kept: boolean;
}

/** The largest file that a start reads through. */
export const CHECK_UP_TO_BYTES = 16 * 1024 * 1024;
/** How the files differ (O3). */
const SYNCHRONOUS = { state: "FULL", record: "NORMAL", shared: "NORMAL" } as const satisfies Record<StoreFile, string>;
/** Past this many pages in the log, whoever commits checkpoints. */
const CHECKPOINT_PAGES = { FULL: 1000, NORMAL: 8000 };
/** More than makes the keeper begin a log anew, so that it comes first. */
const CHECKPOINT_PAGES_WHEN_KEPT = 12_000;
const LOG_LIMIT_BYTES = 64 * 1024 * 1024;

/** @throws STORE_CORRUPT after setting a damaged file aside. STORE_UNAVAILABLE STORE_BUSY STORE_FULL */
export function openFile(file: string, options: OpenFileOptions): Sqlite.Database {
  try {
    makeFile(file);
    inspect(file, options);
    restrict(file);
    const identity = identify(file);
    const client = connect(file, options);
    if (identify(file) === identity) return client;
    client.close();
    throw fail("STORE_UNAVAILABLE", `${file} was replaced while it was opened`, { details: { file } });
  } catch (thrown) {
    throw toStoreError(thrown, file);
  }
}

function inspect(file: string, { busyTimeoutMs, clock, backups }: OpenFileOptions): void {
  const stat = statSync(file);
  if (!stat.isFile()) throw fail("STORE_UNAVAILABLE", `${file} is not a regular file`);
  const identity = identify(file);
  const whole = stat.size <= CHECK_UP_TO_BYTES;
  const damage = findMarkedDamage(file) ?? findDamage(file, { busyTimeoutMs, whole });
  if (damage === undefined) return unmark(file);
  const aside = setAside(file, identity, clock());
  unmark(file);
  const where = aside === undefined ? "another process has set it aside already" : `it was set aside as ${aside}`;
  const [newest] = listBackupsIn(backups);
  const offer = newest === undefined ? "" : `; the newest backup is ${newest.name}`;
  throw fail("STORE_CORRUPT", `${file} is damaged (${damage}); ${where}${offer}`, {
    remedy:
      newest === undefined
        ? "Start again to begin a new record; keep the damaged file if its content may still be needed."
        : `Run container-kit sessions restore ${newest.name} to go back to the backup, or start again to begin a new record.`,
    details: { file, aside, backup: newest?.name },
  });
}

/** Reads a file that is in use through. @throws STORE_CORRUPT STORE_UNAVAILABLE STORE_BUSY */
export function recheck(file: string, busyTimeoutMs: number): void {
  const damage = findDamage(file, { busyTimeoutMs, whole: true });
  if (damage !== undefined) throw fail("STORE_CORRUPT", `${file} is damaged: ${damage}`, { details: { file } });
}

/** What is wrong with a file; undefined when nothing is. @param how.whole reads all of it @throws STORE_UNAVAILABLE when it is not ours */
export function findDamage(
  file: string,
  { busyTimeoutMs, whole }: { readonly busyTimeoutMs: number; readonly whole: boolean },
): string | undefined {
  if (statSync(file).size === 0) return "it is empty";
  const client = new Sqlite(file, { readonly: true, timeout: busyTimeoutMs });
  try {
    refuseForeign(file, client);
    const verdict = whole ? client.pragma("quick_check(1)", { simple: true }) : "ok";
    if (verdict !== "ok") return String(verdict).replaceAll(/\s+/g, " ");
    const changed = findChangedDefinition(client);
    return changed === undefined ? undefined : `the definition of ${changed} is not what it was made as`;
  } catch (thrown) {
    // These statements are right, so that an error in them is one of the file.
    if (isDamage(thrown) || isStatementError(thrown)) return (thrown as Error).message;
    throw thrown;
  } finally {
    client.close();
  }
}

function refuseForeign(file: string, client: Sqlite.Database): void {
  if (client.pragma("application_id", { simple: true }) !== APPLICATION_ID) {
    throw fail("STORE_UNAVAILABLE", `${file} is an SQLite file of another program; it was not touched`, {
      remedy: "Name another file for the store, or move this one away.",
    });
  }
  const format = Number(client.pragma("user_version", { simple: true }));
  if (format > FORMAT) throw newerThanThis(file, `format ${format}`);
}

/** The refusal of a file that a newer program has written. */
export function newerThanThis(file: string, what: string): Error {
  return fail("STORE_UNAVAILABLE", `${file} was written by a newer version (${what}); it was not touched`, {
    remedy: "Use the newer version of Container Kit, or name another file for the store.",
    details: { file },
  });
}

/** Connects to a file that has been looked at already. */
export function connect(
  file: string,
  { part, busyTimeoutMs, kept }: Pick<OpenFileOptions, "part" | "busyTimeoutMs" | "kept">,
): Sqlite.Database {
  const synchronous = SYNCHRONOUS[part];
  const client = new Sqlite(file, { fileMustExist: true, timeout: busyTimeoutMs });
  try {
    if (client.pragma("journal_mode = WAL", { simple: true }) !== "wal") {
      throw fail("STORE_UNAVAILABLE", `${file} lies where SQLite cannot keep a write-ahead log`, {
        remedy: "Put the store on a local disk.",
      });
    }
    client.pragma(`synchronous = ${synchronous}`);
    client.pragma("foreign_keys = ON");
    client.pragma(`wal_autocheckpoint = ${kept ? CHECKPOINT_PAGES_WHEN_KEPT : CHECKPOINT_PAGES[synchronous]}`);
    client.pragma(`journal_size_limit = ${LOG_LIMIT_BYTES}`);
    return client;
  } catch (thrown) {
    client.close();
    throw thrown;
  }
}
