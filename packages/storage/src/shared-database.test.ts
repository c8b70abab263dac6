import path from "node:path";
import { tempFolder } from "@container-kit/config/temp-folder";
import { createLogger, createRedactor, silentLogger } from "@container-kit/observability";
import Sqlite from "better-sqlite3";
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { buildProgram, run } from "../test/build.ts";
import { countOf, countsSchema, createCount } from "../test/counts.ts";
import { lock } from "../test/lock.ts";
import { fail } from "./errors.ts";
import { openStorage } from "./index.ts";
import type { Storage } from "./index.ts";
import { SharedSqliteDatabase } from "./shared-database.ts";

let counter: string;
let folder: string;
let storage: Storage;
let count: (name: string) => number;

beforeAll(async () => {
  counter = await buildProgram(new URL("../test/counter.ts", import.meta.url));
});

beforeEach(async () => {
  folder = tempFolder();
  storage = await open();
  count = createCount(storage);
});

afterEach(() => storage.close());

async function open(): Promise<Storage> {
  const opened = await openStorage(`sqlite:${folder}/`, { busyTimeoutMs: 5000 });
  opened.migrate(countsSchema);
  return opened;
}

/** The connection is not part of the face; drizzle still holds it. */
function clientOfShared(): Sqlite.Database {
  return (storage.shared.statements as unknown as { readonly $client: Sqlite.Database }).$client;
}

test("a write is done when its call returns, and what it threw has changed nothing", async () => {
  const other = await open();
  expect(storage.shared.writeNow(() => count("a"))).toBe(1);
  expect(countOf(other, "a")).toBe(1);
  const failing = (): never => {
    count("a");
    throw new RangeError("mine");
  };
  expect(() => storage.shared.writeNow(failing)).toThrow(RangeError);
  expect(countOf(other, "a")).toBe(1);
  await other.close();
  await storage.close();
  expect(() => storage.shared.writeNow(() => 1)).toThrow(expect.objectContaining({ code: "STORE_UNAVAILABLE" }));
});

test("inside another write it is a part of that one", async () => {
  const inner = (): never => {
    storage.shared.writeNow(() => count("a"));
    throw new RangeError("mine");
  };
  await expect(storage.shared.write(inner)).rejects.toThrow(RangeError);
  expect(countOf(storage, "a")).toBe(0);
});

test("two processes that are killed while they count lose no number that they said, and say none twice", async () => {
  const programs = [run(counter, folder, "a"), run(counter, folder, "a")];
  for (const { lines } of programs) await expect.poll(() => lines.length, { timeout: 20_000 }).toBeGreaterThan(200);
  for (const { child, ended } of programs) {
    child.kill("SIGKILL");
    await ended;
  }
  const said = programs.flatMap(({ lines }) => lines.map(Number));
  expect(new Set(said).size).toBe(said.length);
  const [counted, most] = [countOf(storage, "a"), Math.max(...said)];
  expect(counted).toBeGreaterThanOrEqual(most);
  // One each at most was done and not said.
  expect(counted - said.length).toBeLessThanOrEqual(2);
  expect(storage.shared.writeNow(() => count("a"))).toBe(counted + 1);
});

test("under the lock of another process a small write is refused undone, and a patient one waits for it", async () => {
  const unlock = await lock(storage.shared.path, 60_000);
  expect(() => storage.shared.writeNow(() => count("a"))).toThrow(expect.objectContaining({ code: "STORE_BUSY" }));
  const patient = storage.shared.write(() => count("a"));
  await unlock();
  expect(await patient).toBe(1);
  expect(storage.shared.writeNow(() => count("a"))).toBe(2);
});

test("what is left for later rides along, and what that leaves for later is not lost", () => {
  storage.shared.writeSoon("one", () => {
    count("one");
    storage.shared.writeSoon("two", () => count("two"));
  });
  storage.shared.writeNow(() => storage.shared.writeSoon("three", () => count("three")));
  expect(["one", "two", "three"].map((name) => countOf(storage, name))).toEqual([1, 0, 0]);
  storage.shared.flush();
  expect(["one", "two", "three"].map((name) => countOf(storage, name))).toEqual([1, 1, 1]);
});

test("what was left for later and could not be written is written with the next", async () => {
  storage.shared.writeSoon("one", () => count("one"));
  const unlock = await lock(storage.shared.path, 60_000);
  expect(() => storage.shared.writeNow(() => count("a"))).toThrow(expect.objectContaining({ code: "STORE_BUSY" }));
  await unlock();
  storage.shared.writeNow(() => count("a"));
  expect(["one", "a"].map((name) => countOf(storage, name))).toEqual([1, 1]);
});

test("no commit waits for the disk, also after something was left for later", () => {
  storage.shared.writeSoon("one", () => count("one"));
  storage.shared.flush();
  expect(clientOfShared().pragma("synchronous", { simple: true })).toBe(1);
});

test("a limit of a package's own does not close the store", async () => {
  const full = (): never => {
    throw fail("STORE_FULL", "the entries of this package are at their limit");
  };
  expect(() => storage.shared.writeNow(full)).toThrow(expect.objectContaining({ code: "STORE_FULL" }));
  await expect(storage.shared.write(full)).rejects.toMatchObject({ code: "STORE_FULL" });
  expect(storage.health().status).toBe("ok");
  expect(storage.shared.writeNow(() => count("a"))).toBe(1);
});

test("what is written while the store is being closed is there, and no trouble is told", async () => {
  const logged: string[] = [];
  await storage.close();
  storage = await openStorage(`sqlite:${folder}/`, {
    logger: createLogger({ level: "warn", redactor: createRedactor(), write: (line) => logged.push(line) }),
  });
  storage.migrate(countsSchema);
  count = createCount(storage);
  const last = storage.shared.write(() => count("a"));
  await storage.close();
  expect(await last).toBe(1);
  storage = await open();
  // As long as a sync would have taken to begin.
  await expect.poll(() => storage.shared.writeNow(() => createCount(storage)("b")), { interval: 10 }).toBe(5);
  expect([countOf(storage, "a"), logged]).toEqual([1, []]);
});

test("a log that could not be brought to the disk is told, and the file is read through before the next write", async () => {
  // A file without a write-ahead log: there is nothing that could be synced.
  const client = new Sqlite(path.join(folder, "without-log.db"));
  let rechecked = 0;
  const database = new SharedSqliteDatabase(client, {
    busyTimeoutMs: 100,
    logger: silentLogger,
    guard: { admit() {}, succeeded() {}, failed: () => false },
    recheck: () => (rechecked += 1),
    onCommit() {},
  });
  database.writeNow(() => client.exec("CREATE TABLE a (b INTEGER)"));
  expect([database.problems(), rechecked]).toEqual([[], 0]);
  await expect.poll(() => database.problems().join(), { timeout: 5000 }).toMatch(/could not be brought to the disk/);
  database.writeNow(() => client.exec("INSERT INTO a VALUES (1)"));
  expect(rechecked).toBe(1);
  await database.close();
});
