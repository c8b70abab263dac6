import Sqlite from "better-sqlite3";
import { expect, test } from "vitest";
import { storageErrors } from "./index.ts";
import { toStoreError } from "./store-error.ts";

test("the codes and whether a retry helps are as the contract has them", () => {
  const own = Object.entries(storageErrors).filter(([code]) => code.startsWith("STORE_"));
  expect(own.map(([code, { category, retryable }]) => [code, category, retryable])).toEqual([
    ["STORE_BUSY", "session", true],
    ["STORE_FULL", "session", false],
    ["STORE_CORRUPT", "session", false],
    ["STORE_UNAVAILABLE", "session", true],
  ]);
});

test.each([
  ["SQLITE_BUSY", "STORE_BUSY"],
  ["SQLITE_BUSY_SNAPSHOT", "STORE_BUSY"],
  ["SQLITE_LOCKED", "STORE_BUSY"],
  ["SQLITE_FULL", "STORE_FULL"],
  ["SQLITE_CORRUPT_INDEX", "STORE_CORRUPT"],
  ["SQLITE_NOTADB", "STORE_CORRUPT"],
  ["SQLITE_CANTOPEN", "STORE_UNAVAILABLE"],
  ["SQLITE_READONLY_DBMOVED", "STORE_UNAVAILABLE"],
  ["SQLITE_IOERR_FSTAT", "STORE_UNAVAILABLE"],
])("%s is %s and keeps its cause", (sqlite, code) => {
  const cause = new Sqlite.SqliteError("as SQLite says", sqlite);
  expect(toStoreError(cause, "/a/state.db")).toMatchObject({ code, cause, details: { file: "/a/state.db", sqlite } });
});

test.each([
  ["ENOSPC", "STORE_FULL"],
  ["EDQUOT", "STORE_FULL"],
  ["EACCES", "STORE_UNAVAILABLE"],
  ["EROFS", "STORE_UNAVAILABLE"],
])("%s is %s", (errno, code) => {
  const cause = Object.assign(new Error(`${errno}: mkdir`), { code: errno, syscall: "mkdir" });
  expect(toStoreError(cause, "/a")).toMatchObject({ code, cause });
});

test("a broken constraint and an error of the caller's own come back as they are", () => {
  for (const thrown of [new Sqlite.SqliteError("UNIQUE", "SQLITE_CONSTRAINT_UNIQUE"), new RangeError("mine")]) {
    expect(toStoreError(thrown, "/a")).toBe(thrown);
  }
});
