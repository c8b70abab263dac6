import { existsSync, readdirSync, statSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { tempFolder } from "@container-kit/config/temp-folder";
import { createLogger, createRedactor, silentLogger } from "@container-kit/observability";
import Sqlite from "better-sqlite3";
import { integer, sqliteTable, text } from "drizzle-orm/sqlite-core";
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { buildProgram } from "../test/build.ts";
import { eventsSchema, happen, happened } from "../test/events.ts";
import { CertainTime } from "./certain-time.ts";
import { DailyWork } from "./daily-work.ts";
import { openStorage } from "./index.ts";
import type { Storage, StorageOptions } from "./index.ts";
import { ALONE, IngestDriver } from "./ingest-driver.ts";
import { parseStoreUrl } from "./location.ts";
import { connect } from "./open-file.ts";

const notes = sqliteTable("notes", { id: integer("id").primaryKey(), text: text("text").notNull() });

let keeper: URL;
let dyingKeeper: URL;
let folder: string;
let logged: string[];
let storage: Storage;

beforeAll(async () => {
  keeper = pathToFileURL(await buildProgram(new URL("../test/keeper.ts", import.meta.url)));
  dyingKeeper = pathToFileURL(await buildProgram(new URL("../test/dying-keeper.ts", import.meta.url)));
});

beforeEach(() => {
  folder = tempFolder();
  logged = [];
});

afterEach(() => storage.close());

async function open(options: StorageOptions): Promise<Storage> {
  const logger = createLogger({ level: "warn", redactor: createRedactor(), write: (line) => logged.push(line) });
  storage = await openStorage(`sqlite:${folder}/`, { logger, ...options });
  storage.migrate(eventsSchema);
  return storage;
}

/** Enough that the keeper is started at once. */
function fill(count: number, at = Date.now()): void {
  for (let number = 0; number < count; number += 1) happen(storage, `${number} ${"x".repeat(1000)}`, at);
}

test("the keeper brings the journal in, beside the calls, and all is there once", async () => {
  await open({ keeper });
  fill(600);
  await expect.poll(() => happened(storage).length, { timeout: 10_000 }).toBe(600);
  fill(100);
  await storage.record.catchUp();
  expect(happened(storage)).toHaveLength(700);
  expect(storage.health()).toMatchObject({ status: "ok", reasons: [], behind: 0 });
  await storage.close();
  expect(existsSync(path.join(folder, "journal")) ? readdirSync(path.join(folder, "journal")) : []).toEqual([]);
  expect(logged).toEqual([]);
});

test("a program that records little and ends never starts it, and all is there", async () => {
  await open({ keeper: new URL("file:///nowhere/keeper.mjs") });
  happen(storage, "one");
  await storage.close();
  expect(logged).toEqual([]);
  await open({});
  expect(happened(storage)).toEqual(["one"]);
});

test("without the keeper that was asked for, this thread does the work and says so once", async () => {
  await open({ keeper: new URL("file:///nowhere/keeper.mjs") });
  fill(600);
  await expect.poll(() => happened(storage).length, { timeout: 10_000 }).toBe(600);
  expect(logged.filter((line) => line.includes("the keeper of the record has ended"))).toHaveLength(1);
});

test("a keeper that cannot be started at all harms no append, and this thread does the work", async () => {
  await open({ keeper: new URL("https://localhost/keeper.js") });
  fill(600);
  await expect.poll(() => happened(storage).length, { timeout: 10_000 }).toBe(600);
  expect(logged.filter((line) => line.includes("keeper"))).toHaveLength(1);
});

test("a keeper that dies in the middle of a transaction costs nothing, and nothing is there twice", async () => {
  await open({ keeper: dyingKeeper });
  fill(2000);
  await expect.poll(() => logged.join(), { timeout: 10_000 }).toContain("the keeper of the record has ended");
  fill(1);
  await storage.record.catchUp();
  const found = happened(storage).map((text) => text.split(" ")[0]);
  expect(found).toEqual([...Array.from({ length: 2000 }, (_, number) => String(number)), "0"]);
  expect(storage.health()).toMatchObject({ status: "ok", behind: 0 });
});

test("what is over the limits goes, oldest first, and the file becomes smaller", async () => {
  await open({});
  fill(4000);
  await storage.record.catchUp();
  await storage.close();
  const before = statSync(path.join(folder, "record.db")).size;
  await open({ keeper, retention: { maxCount: 100 } });
  fill(600);
  await expect.poll(() => happened(storage).length, { timeout: 20_000 }).toBe(100);
  expect(happened(storage).at(-1)).toMatch(/^599 /);
  await expect
    .poll(
      () => {
        return pagesOf(storage.record.path) * 4096;
      },
      { timeout: 20_000 },
    )
    .toBeLessThan(before / 2);
});

test("the logs of all files are kept short without any commit doing it", async () => {
  await open({ keeper });
  storage.migrate({
    package: "notes",
    state: [{ id: "0001-notes", statements: ["CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT) STRICT"] }],
    record: [],
    shared: [{ id: "0001-notes", statements: ["CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT) STRICT"] }],
  });
  const { state, shared } = storage;
  fill(600);
  for (let round = 0; round < 130; round += 1) {
    for (const file of [state, shared]) {
      await file.write(() =>
        file.statements
          .insert(notes)
          .values({ text: "x".repeat(40_000) })
          .run(),
      );
    }
    fill(20);
  }
  await storage.record.catchUp();
  for (const file of [state.path, shared.path])
    await expect.poll(() => statSync(file).size, { timeout: 10_000 }).toBeGreaterThan(3 * 1024 * 1024);
});

const notesSchema = {
  package: "notes",
  state: [],
  record: [],
  shared: [{ id: "0001-notes", statements: ["CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT) STRICT"] }],
};

test("what is free in the shared file is given back, and trouble with the record keeps it from nothing", async () => {
  const logger = createLogger({ level: "warn", redactor: createRedactor(), write: (line) => logged.push(line) });
  storage = await openStorage(`sqlite:${folder}/`, { keeper, logger });
  storage.migrate(notesSchema);
  const { shared } = storage;
  const write = (text: string): unknown =>
    shared.writeNow(() => shared.statements.insert(notes).values({ text }).run());
  for (let round = 0; round < 60; round += 1) write("x".repeat(80_000));
  shared.writeNow(() => shared.statements.delete(notes).run());
  // A round is due with each write; the log is brought in first, since it holds more pages than may wait.
  await expect.poll(() => (write("y"), statSync(shared.path).size), { timeout: 20_000 }).toBeGreaterThan(4_000_000);
  await expect.poll(() => (write("y"), pagesOf(shared.path)), { timeout: 20_000 }).toBeLessThan(400);
  // Its tables were never made.
  expect(logged.join()).toContain("no such table: events");
});

function pagesOf(file: string): number {
  const client = new Sqlite(file, { readonly: true });
  const pages = Number(client.pragma("page_count", { simple: true }));
  client.close();
  return pages;
}

/** The work of a day, as two processes begin it at once. */
function workOfTheDay(): { readonly damaged: readonly string[]; close(): Promise<void> } {
  const damaged: string[] = [];
  const data = {
    location: parseStoreUrl(`sqlite:${folder}/`),
    ownJournal: "",
    busyTimeoutMs: 2000,
    retention: {},
    seen: { believed: Date.now(), doubted: null },
    dailyEveryMs: 1,
  };
  const driver = new IngestDriver({
    ...data,
    connect: () => connect(storage.record.path, { part: "record", busyTimeoutMs: 2000, kept: true }),
    file: storage.record.path,
    folder: data.location.journal,
    logger: silentLogger,
    pace: ALONE,
    clock: Date.now,
    time: new CertainTime(data.seen, Date.now),
    onError: (error) => logged.push(error.message),
  });
  const works = [1, 2].map(
    () => new DailyWork({ data, driver, logger: silentLogger, onDamage: (file) => damaged.push(file) }),
  );
  return {
    damaged,
    async close() {
      for (const work of works) await work.close();
      await driver.close({ last: false });
    },
  };
}

test("once a day the keeper of one of several processes makes a backup, and reads large files through", async () => {
  await open({});
  happen(storage, "one");
  await storage.record.catchUp();
  const work = workOfTheDay();
  await expect.poll(() => storage.backups().length, { timeout: 10_000 }).toBe(1);
  await work.close();
  expect(storage.backups()).toHaveLength(1);
  expect(work.damaged).toEqual([]);
});

test("a record that was made without the ability to shrink is written anew while it is in use, with all that is in it", async () => {
  await open({});
  fill(2000);
  await storage.close();
  const old = new Sqlite(path.join(folder, "record.db"));
  old.exec("PRAGMA journal_mode = DELETE; PRAGMA auto_vacuum = NONE; VACUUM; DELETE FROM events WHERE id > 100");
  old.close();
  const before = statSync(path.join(folder, "record.db")).size;
  await open({});
  const kept = happened(storage);
  const work = workOfTheDay();
  const look = (pragma: string): number => {
    const client = new Sqlite(storage.record.path, { readonly: true });
    const value = Number(client.pragma(pragma, { simple: true }));
    client.close();
    return value;
  };
  await expect.poll(() => look("auto_vacuum"), { timeout: 10_000 }).toBe(2);
  happen(storage, "after");
  await storage.record.catchUp();
  expect(happened(storage)).toEqual([...kept, "after"]);
  await work.close();
  await storage.close();
  expect(statSync(path.join(folder, "record.db")).size).toBeLessThan(before / 2);
  await open({});
  expect(happened(storage)).toHaveLength(101);
});
