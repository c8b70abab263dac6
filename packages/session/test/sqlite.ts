import { createRequire } from "node:module";

/** As much of SQLite's client as tests need that look below storage. */
export interface SqliteClient {
  exec(sql: string): void;
  prepare(sql: string): { pluck(): { get(): unknown } };
  close(): void;
}

/** Opens a file with the SQLite that is storage's to install. */
export function openSqlite(file: string): SqliteClient {
  const fromStorage = createRequire(new URL("../../storage/package.json", import.meta.url));
  const Sqlite = fromStorage(fromStorage.resolve("better-sqlite3")) as new (file: string) => SqliteClient;
  return new Sqlite(file);
}
