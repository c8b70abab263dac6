import path from "node:path";
import { tempFolder } from "@container-kit/config/temp-folder";
import Sqlite from "better-sqlite3";
import { expect, test } from "vitest";
import { shortenLog } from "./checkpoint.ts";

test("a long log is brought in and begun anew at once, so that the next commit has not to", () => {
  const file = path.join(tempFolder(), "x.db");
  const [writer, keeper] = [new Sqlite(file), new Sqlite(file)];
  writer.pragma("journal_mode = WAL");
  writer.pragma("wal_autocheckpoint = 100000");
  writer.pragma("user_version = 7");
  writer.exec("CREATE TABLE t (text TEXT)");
  const insert = writer.prepare("INSERT INTO t VALUES (?)");
  for (let round = 0; round < 9; round += 1) insert.run("x".repeat(4_000_000));
  const pagesInLog = (): number => (writer.pragma("wal_checkpoint(NOOP)") as { readonly log: number }[])[0]?.log ?? -1;
  expect(pagesInLog()).toBeGreaterThan(8000);
  shortenLog(keeper);
  expect(pagesInLog()).toBe(1);
  expect(writer.pragma("user_version", { simple: true })).toBe(7);
  expect(writer.prepare("SELECT count(*) FROM t").pluck().get()).toBe(9);
  for (const client of [writer, keeper]) client.close();
});

test("a log that another is reading is left as it is", () => {
  const file = path.join(tempFolder(), "x.db");
  const [writer, reader] = [new Sqlite(file), new Sqlite(file, { timeout: 1 })];
  writer.pragma("journal_mode = WAL");
  writer.pragma("wal_autocheckpoint = 100000");
  writer.exec("CREATE TABLE t (text TEXT)");
  reader.exec("BEGIN; SELECT * FROM t");
  for (let round = 0; round < 9; round += 1) writer.prepare("INSERT INTO t VALUES (?)").run("x".repeat(4_000_000));
  const keeper = new Sqlite(file, { timeout: 1 });
  shortenLog(keeper);
  expect((writer.pragma("wal_checkpoint(NOOP)") as { readonly log: number }[])[0]?.log).toBeGreaterThan(8000);
  reader.exec("COMMIT");
  shortenLog(keeper);
  expect((writer.pragma("wal_checkpoint(NOOP)") as { readonly log: number }[])[0]?.log).toBe(1);
  for (const client of [writer, reader, keeper]) client.close();
});
