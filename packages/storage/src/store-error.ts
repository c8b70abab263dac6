import Sqlite from "better-sqlite3";
import { isKitError } from "@container-kit/errors";
import { fail } from "./errors.ts";

/**
 * Turns what SQLite or the file system reports into this package's codes. What neither of them made,
 * and a broken constraint, which is a matter between a package and its tables, comes back as it is.
 */
export function toStoreError(thrown: unknown, file: string): Error & { readonly code?: string } {
  if (isKitError(thrown)) return thrown;
  if (thrown instanceof Sqlite.SqliteError) return fromSqlite(thrown, file);
  if (isSystemError(thrown)) {
    const code = thrown.code === "ENOSPC" || thrown.code === "EDQUOT" ? "STORE_FULL" : "STORE_UNAVAILABLE";
    return fail(code, `${file}: ${thrown.message}`, { cause: thrown, details: { file } });
  }
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

/** Whether the medium failed, and not the statement or who wrote it. */
export function isMediumError(thrown: unknown): boolean {
  const error = toStoreError(thrown, "");
  return isKitError(error) && error.code.startsWith("STORE_");
}

/** Whether SQLite found the content of the file to be none of its own. */
export function isDamage(thrown: unknown): boolean {
  return thrown instanceof Sqlite.SqliteError && /^SQLITE_(?:CORRUPT|NOTADB)/.test(thrown.code);
}

/** Whether the disk failed to read, take or keep something. */
export function isDiskFailure(thrown: unknown): boolean {
  return thrown instanceof Sqlite.SqliteError && thrown.code.startsWith("SQLITE_IOERR");
}

/** Whether SQLite could make nothing of a statement against the schema that it found. */
export function isStatementError(thrown: unknown): boolean {
  return thrown instanceof Sqlite.SqliteError && thrown.code === "SQLITE_ERROR";
}

function fromSqlite(error: InstanceType<typeof Sqlite.SqliteError>, file: string): Error {
  const context = { cause: error, details: { file, sqlite: error.code } };
  if (isDamage(error)) return fail("STORE_CORRUPT", `${file} is damaged: ${error.message}`, context);
  switch (error.code.split("_")[1]) {
    case "BUSY":
    case "LOCKED":
      return fail("STORE_BUSY", `${file} is locked by another process`, context);
    case "FULL":
      return fail("STORE_FULL", `there is no room left for ${file}`, context);
    case "CANTOPEN":
    case "READONLY":
    case "PERM":
    case "AUTH":
    case "IOERR":
      return fail("STORE_UNAVAILABLE", `${file} cannot be used: ${error.message}`, context);
    default:
      return error;
  }
}

function isSystemError(thrown: unknown): thrown is NodeJS.ErrnoException {
  return thrown instanceof Error && "syscall" in thrown && "code" in thrown;
}
