import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readlinkSync, realpathSync, statSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { createLogger, createRedactor } from "@container-kit/observability";
import type Sqlite from "better-sqlite3";
import { sql } from "drizzle-orm";
import { integer, sqliteTable, text } from "drizzle-orm/sqlite-core";
import { afterEach, beforeEach, expect, test } from "vitest";
import { tempFolder } from "../test/temp-folder.ts";
import { openStorage } from "./index.ts";
import type { PackageSchema, Storage } from "./index.ts";

const notes = sqliteTable("notes", { id: integer("id").primaryKey(), text: text("text").notNull() });
const create = {
  id: "0001-notes",
  statements: ["CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT"],
};
const schema: PackageSchema = { package: "notes", state: [create], record: [create] };
const lockHolder = fileURLToPath(new URL("../test/lock-holder.mjs", import.meta.url));

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

type Which = "state" | "record";

function add(which: Which, id: number, words = "x"): void {
  storage[which].statements.insert(notes).values({ id, text: words }).run();
}

function ids(which: Which, from = storage): readonly number[] {
  return from[which].read(() => from[which].statements.select({ id: notes.id }).from(notes).all()).map(({ id }) => id);
}

/** The connection is not part of the face; drizzle still holds it. */
function clientOf(which: Which): Sqlite.Database {
  return (storage[which].statements as unknown as { readonly $client: Sqlite.Database }).$client;
}

function descriptorsOf(file: string): number {
  return readdirSync("/proc/self/fd").filter((descriptor) => {
    try {
      return readlinkSync(`/proc/self/fd/${descriptor}`) === file;
    } catch {
      // The descriptor of the listing itself is gone by now.
      return false;
    }
  }).length;
}

async function lock(file: string, milliseconds: number): Promise<() => Promise<void>> {
  const child = spawn(process.execPath, [lockHolder, file, String(milliseconds)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const gone = once(child, "exit");
  await once(child.stdout, "data");
  return async () => {
    child.kill("SIGKILL");
    await gone;
  };
}

test.each(["state", "record"] as const)(
  "a write to the %s is seen by another opener as soon as it is answered",
  async (which) => {
    const other = await open();
    await storage[which].write(() => add(which, 1));
    expect(ids(which, other)).toEqual([1]);
    await other.close();
  },
);

test("writes of one turn share a transaction, and one that fails takes none with it", async () => {
  const results = await Promise.allSettled([
    storage.state.write(() => (add("state", 1), "one")),
    storage.state.write(() => {
      add("state", 2);
      throw new RangeError("changed my mind");
    }),
    storage.state.write(() => add("state", 1)),
    storage.state.write(() => (add("state", 4), "four")),
  ]);
  expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "rejected", "fulfilled"]);
  expect(results[1]).toMatchObject({ reason: { message: "changed my mind" } });
  expect(ids("state")).toEqual([1, 4]);
});

test("work that awaits is refused and rolled back", async () => {
  await expect(storage.record.write(() => Promise.resolve(add("record", 1)))).rejects.toThrow(/promise/);
  expect(ids("record")).toEqual([]);
});

test.each(["state", "record"] as const)(
  "a %s file without room says STORE_FULL, keeps what it has, and goes on when there is room",
  async (which) => {
    await storage[which].write(() => add(which, 1));
    // SQLite's own limit makes it report what a full disk does.
    const client = clientOf(which);
    client.pragma(`max_page_count = ${Number(client.pragma("page_count", { simple: true })) + 1}`);
    const writes = [2, 3].map((id) => storage[which].write(() => add(which, id, "x".repeat(50_000))));
    const results = await Promise.allSettled(writes);
    for (const result of results) expect(result).toMatchObject({ reason: { code: "STORE_FULL", retryable: false } });
    expect(ids(which)).toEqual([1]);
    client.pragma("max_page_count = 100000");
    await storage[which].write(() => add(which, 4, "x".repeat(50_000)));
    expect(ids(which)).toEqual([1, 4]);
  },
);

test.skipIf(!existsSync("/proc/self/fd"))(
  "the record's log is brought to the disk soon after a write, through one descriptor that stays, beside SQLite's own",
  async () => {
    const file = realpathSync(storage.record.path);
    const before = descriptorsOf(file);
    await storage.record.write(() => add("record", 1));
    const log = descriptorsOf(`${file}-wal`);
    await sleep(100);
    expect(descriptorsOf(`${file}-wal`)).toBe(log + 1);
    await storage.record.write(() => add("record", 2));
    await sleep(100);
    expect(descriptorsOf(`${file}-wal`)).toBe(log + 1);
    expect(descriptorsOf(file)).toBe(before);
    await storage.close();
    expect(descriptorsOf(`${file}-wal`)).toBe(0);
  },
);

test.each(["state", "record"] as const)(
  "a write to the %s waits for another process without freezing this one",
  async (which) => {
    const release = await lock(storage[which].path, 700);
    const delay = monitorEventLoopDelay({ resolution: 5 });
    delay.enable();
    const started = performance.now();
    await storage[which].write(() => add(which, 1));
    delay.disable();
    expect(performance.now() - started).toBeGreaterThan(300);
    expect(delay.percentile(50) / 1e6).toBeLessThan(100);
    expect(ids(which)).toEqual([1]);
    await release();
  },
);

test("a lock that outlasts the wait is reported as STORE_BUSY, and the next write succeeds", async () => {
  await storage.close();
  storage = await open(200);
  const release = await lock(storage.record.path, 20_000);
  await expect(storage.record.write(() => add("record", 1))).rejects.toMatchObject({
    code: "STORE_BUSY",
    retryable: true,
  });
  await release();
  await storage.record.write(() => add("record", 1));
  expect(ids("record")).toEqual([1]);
});

test("a transaction that reads before it writes never finds its snapshot stale", async () => {
  const other = await open();
  const count = sql<number>`(SELECT coalesce(max(id), 0) FROM notes)`;
  const append = (from: Storage) =>
    from.record.write(() => {
      const [row] = from.record.statements
        .select({ last: count })
        .from(sql`(SELECT 1)`)
        .all();
      from.record.statements
        .insert(notes)
        .values({ id: (row?.last ?? 0) + 1, text: "x" })
        .run();
    });
  await Promise.all(Array.from({ length: 100 }, (_, index) => append(index % 2 === 0 ? storage : other)));
  expect(ids("record")).toHaveLength(100);
  await other.close();
});

test("work left for later is done by itself, the last of each key only", async () => {
  storage.state.writeSoon("a", () => add("state", 1));
  storage.state.writeSoon("a", () => add("state", 2));
  storage.state.writeSoon("b", () => add("state", 3));
  expect(ids("state")).toEqual([]);
  await expect.poll(() => ids("state")).toEqual([2, 3]);
});

test("work left for later rides along with the next write, before it", async () => {
  storage.state.writeSoon("a", () => add("state", 1));
  expect(await storage.state.write(() => storage.state.statements.select().from(notes).all().length)).toBe(1);
});

test("work left for later is done by flush and by close", async () => {
  storage.state.writeSoon("a", () => add("state", 1));
  storage.state.flush();
  expect(ids("state")).toEqual([1]);
  storage.state.writeSoon("a", () => add("state", 2));
  await storage.close();
  storage = await open();
  expect(ids("state")).toEqual([1, 2]);
});

test("work left for later that fails is told to the log and harms no other", async () => {
  storage.state.writeSoon("bad", () => {
    throw new RangeError("bad idea");
  });
  storage.state.writeSoon("good", () => add("state", 1));
  await storage.state.write(() => add("state", 2));
  expect(ids("state")).toEqual([1, 2]);
  expect(logged.join()).toContain("bad idea");
});

test("work left for later outlives a lock of another process", async () => {
  const release = await lock(storage.state.path, 300);
  storage.state.writeSoon("a", () => add("state", 1));
  storage.state.flush();
  expect(ids("state")).toEqual([]);
  await expect.poll(() => ids("state"), { timeout: 5000 }).toEqual([1]);
  await release();
});

test("the log of the record is checkpointed in the background before it grows far", async () => {
  for (let id = 1; id <= 1200; id += 1) {
    await storage.record.write(() => add("record", id, "x".repeat(3000)));
    if (id % 100 === 0) await sleep(40);
  }
  expect(statSync(`${storage.record.path}-wal`).size).toBeLessThan(12 * 1024 * 1024);
  expect(statSync(storage.record.path).size).toBeGreaterThan(1024 * 1024);
  expect(logged).toEqual([]);
});

test("an open store with work under way in the background does not keep a process alive", async () => {
  // Vitest cannot say it of itself: the handles that would keep it alive are counted instead.
  const before = process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;
  await storage.record.write(() => add("record", 1));
  storage.state.writeSoon("a", () => add("state", 1));
  expect(process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length).toBeLessThanOrEqual(before);
});
