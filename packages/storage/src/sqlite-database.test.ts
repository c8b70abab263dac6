import { openSync, writeSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { tempFolder } from "@container-kit/config/temp-folder";
import { createLogger, createRedactor } from "@container-kit/observability";
import Sqlite from "better-sqlite3";
import { sql } from "drizzle-orm";
import { integer, sqliteTable, text } from "drizzle-orm/sqlite-core";
import { afterEach, beforeEach, expect, test } from "vitest";
import { lock } from "../test/lock.ts";
import { openStorage } from "./index.ts";
import type { PackageSchema, Storage } from "./index.ts";

const notes = sqliteTable("notes", { id: integer("id").primaryKey(), text: text("text").notNull() });
const create = {
  id: "0001-notes",
  statements: ["CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT"],
};
const schema: PackageSchema = { package: "notes", state: [create], record: [] };

let url: string;
let storage: Storage;
let logged: string[];

beforeEach(async () => {
  url = `sqlite:${tempFolder()}/`;
  logged = [];
  storage = await open();
});

afterEach(() => storage.close());

async function open(busyTimeoutMs = 2000): Promise<Storage> {
  const logger = createLogger({ level: "warn", redactor: createRedactor(), write: (line) => logged.push(line) });
  const opened = await openStorage(url, { busyTimeoutMs, logger });
  opened.migrate(schema);
  return opened;
}

function add(id: number, words = "x"): void {
  storage.state.statements.insert(notes).values({ id, text: words }).run();
}

function ids(from = storage): readonly number[] {
  return from.state.read(() => from.state.statements.select({ id: notes.id }).from(notes).all()).map(({ id }) => id);
}

/** The connection is not part of the face; drizzle still holds it. */
function clientOfState(): Sqlite.Database {
  return (storage.state.statements as unknown as { readonly $client: Sqlite.Database }).$client;
}

test("a write is seen by another opener as soon as it is answered", async () => {
  const other = await open();
  await storage.state.write(() => add(1));
  expect(ids(other)).toEqual([1]);
  await other.close();
});

test("a direct query takes its values in the order of its placeholders, and is refused with any other", async () => {
  const { state } = storage;
  const [id, words] = [sql`${sql.placeholder("id")}`, sql`${sql.placeholder("words")}`];
  const into = state.statements.insert(notes);
  const put = state.prepareDirect(
    into.values({ id, text: words }).onConflictDoNothing({ target: notes.id }),
    (note: { id: number; words: string }) => [note.id, note.words],
  );
  const find = state.prepareDirect<number, { id: number; text: string }>(
    state.statements
      .select()
      .from(notes)
      .where(sql`${notes.id} = 1`),
    () => [],
  );
  expect(state.read(() => find.get(0))).toBeUndefined();
  const putOne = (): number => put.run({ words: "one", id: 1 }).changes;
  expect([await state.write(putOne), await state.write(putOne)]).toEqual([1, 0]);
  expect(state.read(() => find.get(0))).toEqual({ id: 1, text: "one" });
  const swapped = (note: { id: number; words: string }): unknown[] => [note.words, note.id];
  expect(() => state.prepareDirect(into.values({ id, text: words }), swapped)).toThrow(TypeError);
  expect(() => state.prepareDirect(into.values({ id, text: "two" }), () => [])).toThrow(TypeError);
});

test("writes of one turn share a transaction, and one that fails takes none with it", async () => {
  const results = await Promise.allSettled([
    storage.state.write(() => (add(1), "one")),
    storage.state.write(() => {
      add(2);
      throw new RangeError("changed my mind");
    }),
    storage.state.write(() => add(1)),
    storage.state.write(() => (add(4), "four")),
  ]);
  expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "rejected", "fulfilled"]);
  expect(results[1]).toMatchObject({ reason: { message: "changed my mind" } });
  expect(ids()).toEqual([1, 4]);
});

test("work that awaits is refused and rolled back", async () => {
  await expect(storage.state.write(() => Promise.resolve(add(1)))).rejects.toThrow(/promise/);
  expect(ids()).toEqual([]);
});

test("a file without room says STORE_FULL, keeps what it has, and goes on when there is room", async () => {
  await storage.state.write(() => add(1));
  // SQLite's own limit makes it report what a full disk does.
  const client = clientOfState();
  client.pragma(`max_page_count = ${Number(client.pragma("page_count", { simple: true })) + 1}`);
  const writes = [2, 3].map((id) => storage.state.write(() => add(id, "x".repeat(50_000))));
  const results = await Promise.allSettled(writes);
  for (const result of results) expect(result).toMatchObject({ reason: { code: "STORE_FULL", retryable: false } });
  expect(ids()).toEqual([1]);
  client.pragma("max_page_count = 100000");
  // Once a second it is looked whether there is room.
  const again = () =>
    storage.state
      .write(() => add(4, "x".repeat(50_000)))
      .then(
        () => "written",
        () => "refused",
      );
  await expect.poll(again, { timeout: 5000, interval: 100 }).toBe("written");
  expect(ids()).toEqual([1, 4]);
});

test("a write waits for another process without freezing this one", async () => {
  const release = await lock(storage.state.path, 700);
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  const started = performance.now();
  await storage.state.write(() => add(1));
  delay.disable();
  expect(performance.now() - started).toBeGreaterThan(300);
  expect(delay.percentile(50) / 1e6).toBeLessThan(100);
  expect(ids()).toEqual([1]);
  await release();
});

test("a lock that outlasts the wait is reported as STORE_BUSY, and the next write succeeds", async () => {
  await storage.close();
  storage = await open(200);
  const release = await lock(storage.state.path, 20_000);
  await expect(storage.state.write(() => add(1))).rejects.toMatchObject({
    code: "STORE_BUSY",
    retryable: true,
  });
  await release();
  await storage.state.write(() => add(1));
  expect(ids()).toEqual([1]);
});

test("a transaction that reads before it writes never finds its snapshot stale", async () => {
  const other = await open();
  const count = sql<number>`(SELECT coalesce(max(id), 0) FROM notes)`;
  const append = (from: Storage) =>
    from.state.write(() => {
      const [row] = from.state.statements
        .select({ last: count })
        .from(sql`(SELECT 1)`)
        .all();
      from.state.statements
        .insert(notes)
        .values({ id: (row?.last ?? 0) + 1, text: "x" })
        .run();
    });
  await Promise.all(Array.from({ length: 100 }, (_, index) => append(index % 2 === 0 ? storage : other)));
  expect(ids()).toHaveLength(100);
  await other.close();
});

test("after the disk has failed a sync, the file is read through before the next write", async () => {
  await storage.state.write(() => add(1));
  const failing = storage.state.write(() => {
    throw new Sqlite.SqliteError("disk I/O error", "SQLITE_IOERR_FSYNC");
  });
  await expect(failing).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
  storage.state.read(() => clientOfState().pragma("wal_checkpoint(TRUNCATE)"));
  const descriptor = openSync(storage.state.path, "r+");
  writeSync(descriptor, Buffer.alloc(64, 0xff), 0, 64, 4096);
  const again = () =>
    storage.state
      .write(() => add(2))
      .then(
        () => "written",
        (error: unknown) => (error as { code: string }).code,
      );
  await expect.poll(again, { timeout: 5000, interval: 200 }).toBe("STORE_CORRUPT");
});

test("work left for later is done by itself, the last of each key only", async () => {
  storage.state.writeSoon("a", () => add(1));
  storage.state.writeSoon("a", () => add(2));
  storage.state.writeSoon("b", () => add(3));
  expect(ids()).toEqual([]);
  await expect.poll(() => ids()).toEqual([2, 3]);
});

test("work left for later rides along with the next write, before it", async () => {
  storage.state.writeSoon("a", () => add(1));
  expect(await storage.state.write(() => storage.state.statements.select().from(notes).all().length)).toBe(1);
});

test("work left for later is done by flush and by close", async () => {
  storage.state.writeSoon("a", () => add(1));
  storage.state.flush();
  expect(ids()).toEqual([1]);
  storage.state.writeSoon("a", () => add(2));
  await storage.close();
  storage = await open();
  expect(ids()).toEqual([1, 2]);
});

test("work left for later that fails is told to the log and harms no other", async () => {
  storage.state.writeSoon("bad", () => {
    throw new RangeError("bad idea");
  });
  storage.state.writeSoon("good", () => add(1));
  await storage.state.write(() => add(2));
  expect(ids()).toEqual([1, 2]);
  expect(logged.join()).toContain("bad idea");
});

test("work left for later outlives a lock of another process", async () => {
  const release = await lock(storage.state.path, 300);
  storage.state.writeSoon("a", () => add(1));
  storage.state.flush();
  expect(ids()).toEqual([]);
  await expect.poll(() => ids(), { timeout: 5000 }).toEqual([1]);
  await release();
});

test("an open store with work under way in the background does not keep a process alive", async () => {
  // Vitest cannot say it of itself: the handles that would keep it alive are counted instead.
  const before = process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;
  await storage.state.write(() => add(1));
  storage.state.writeSoon("a", () => add(1));
  expect(process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length).toBeLessThanOrEqual(before);
});
