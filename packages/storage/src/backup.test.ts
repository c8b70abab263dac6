import { readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { tempFolder } from "@container-kit/config/temp-folder";
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { buildProgram, run } from "../test/build.ts";
import { countOf, countsSchema, createCount } from "../test/counts.ts";
import { eventsSchema, happen, happened } from "../test/events.ts";
import { lock } from "../test/lock.ts";
import { listBackups, openStorage, restoreBackup } from "./index.ts";
import type { Storage } from "./index.ts";

let recorder: string;
let folder: string;
let url: string;
let time: number;
let storage: Storage;

beforeAll(async () => {
  recorder = await buildProgram(new URL("../test/recorder.ts", import.meta.url));
});

beforeEach(async () => {
  folder = tempFolder();
  url = `sqlite:${folder}/`;
  time = Date.UTC(2026, 0, 2, 3, 4, 5, 6);
  storage = await open();
});

afterEach(() => storage.close());

async function open(): Promise<Storage> {
  const opened = await openStorage(url, { clock: () => time, busyTimeoutMs: 2000 });
  opened.migrate(eventsSchema);
  opened.migrate(countsSchema);
  return opened;
}

function damage(file: string): void {
  const bytes = readFileSync(file);
  bytes.fill(0xff, 4096, 8192);
  writeFileSync(file, bytes);
}

test("a backup that was made while another process wrote is whole, and goes back in place of what is there", async () => {
  const other = run(recorder, folder, "other");
  await expect.poll(() => other.lines.length, { timeout: 20_000 }).toBeGreaterThan(500);
  happen(storage, "mine");
  const acknowledged = other.lines.length;
  const made = await storage.backup();
  expect(made).toMatchObject({ name: "2026-01-02T03-04-05.006Z", madeAt: time });
  expect(() => restoreBackup(url, made.name)).toThrow(expect.objectContaining({ code: "STORE_BUSY" }));
  other.child.kill("SIGKILL");
  await other.ended;
  happen(storage, "after");
  await storage.close();
  const { aside } = restoreBackup(url, made.name, { clock: () => time });
  expect(aside.map((file) => path.basename(file))).toEqual([
    "state.db.replaced-2026-01-02T03-04-05.006Z",
    "record.db.replaced-2026-01-02T03-04-05.006Z",
    "shared.db.replaced-2026-01-02T03-04-05.006Z",
  ]);
  storage = await open();
  const found = happened(storage);
  expect(found).toContain("mine");
  expect(found).not.toContain("after");
  const numbers = found.flatMap((text) => (text.startsWith("other ") ? [Number(text.slice(6))] : []));
  expect(numbers).toEqual(numbers.map((_, index) => index));
  expect(numbers.length).toBeGreaterThanOrEqual(acknowledged);
});

test("what is still in a journal after a restore comes into the restored record once", async () => {
  happen(storage, "one");
  const { name } = await storage.backup();
  await storage.close();
  // Dies before it has brought in any of its lines.
  const other = run(recorder, folder, "later", "ingest.applied");
  await other.ended;
  expect(other.lines.length).toBeGreaterThan(0);
  restoreBackup(url, name);
  storage = await open();
  await storage.record.catchUp();
  expect(happened(storage).slice(0, 3)).toEqual(["one", "later 0", "later 1"]);
  expect(new Set(happened(storage)).size).toBe(happened(storage).length);
});

test("the shared file goes back with the others, and stays where the backup is older than such files", async () => {
  const on = (opened: Storage): number => opened.shared.writeNow(() => createCount(opened)("a"));
  on(storage);
  const { name, folder: at } = await storage.backup();
  on(storage);
  await storage.close();
  restoreBackup(url, name);
  storage = await open();
  expect(countOf(storage, "a")).toBe(1);
  on(storage);
  await storage.close();
  rmSync(path.join(at, "shared.db"));
  const { aside } = restoreBackup(url, name);
  expect(aside).toHaveLength(2);
  storage = await open();
  expect(countOf(storage, "a")).toBe(2);
});

test("no file is replaced while any of them is in use", async () => {
  const { name } = await storage.backup();
  await storage.close();
  const before = readdirSync(folder).toSorted();
  for (const file of ["state.db", "record.db", "shared.db"]) {
    const unlock = await lock(path.join(folder, file), 60_000);
    expect(() => restoreBackup(url, name)).toThrow(expect.objectContaining({ code: "STORE_BUSY" }));
    await unlock();
  }
  expect(readdirSync(folder).filter((each) => !/-(?:wal|shm)$/.test(each))).toEqual(before);
});

test("the newest three are kept, and listed newest first without opening the store", async () => {
  const names: string[] = [];
  for (let day = 0; day < 5; day += 1) {
    time += 24 * 60 * 60 * 1000;
    names.push((await storage.backup()).name);
  }
  expect(listBackups(url).map(({ name }) => name)).toEqual(names.slice(2).toReversed());
  expect(storage.backups()).toEqual(listBackups(url));
  expect(storage.backups().every(({ bytes }) => bytes > 8192)).toBe(true);
});

test("a backup is for this user alone, whatever the umask", async () => {
  const umask = process.umask(0);
  try {
    const { folder: at } = await storage.backup();
    for (const name of readdirSync(at)) expect((statSync(path.join(at, name)).mode & 0o777).toString(8)).toBe("600");
    for (const each of [at, path.dirname(at)]) expect((statSync(each).mode & 0o777).toString(8)).toBe("700");
  } finally {
    process.umask(umask);
  }
});

test("a cancelled backup leaves nothing", async () => {
  await expect(storage.backup({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: "CANCELLED" });
  expect(storage.backups()).toEqual([]);
});

test("a damaged backup, and one that does not exist, are refused and nothing is changed", async () => {
  const { name, folder: at } = await storage.backup();
  await storage.close();
  damage(path.join(at, "record.db"));
  const before = readdirSync(folder).toSorted();
  expect(() => restoreBackup(url, name)).toThrow(
    expect.objectContaining({
      code: "STORE_CORRUPT",
      message: expect.stringContaining("nothing was changed") as unknown,
    }),
  );
  for (const wrong of ["2020-01-01T00-00-00.000Z", "../state.db"]) {
    expect(() => restoreBackup(url, wrong)).toThrow(
      expect.objectContaining({ code: "NOT_FOUND", remedy: `Name one of these: ${name}.` }),
    );
  }
  expect(readdirSync(folder).toSorted()).toEqual(before);
});

test("a damaged file is set aside with the newest backup offered, which then takes its place", async () => {
  happen(storage, "one");
  const { name } = await storage.backup();
  await storage.close();
  damage(path.join(folder, "record.db"));
  await expect(open()).rejects.toMatchObject({
    code: "STORE_CORRUPT",
    remedy: expect.stringContaining(`sessions restore ${name}`) as unknown,
    details: { backup: name },
  });
  restoreBackup(url, name);
  storage = await open();
  expect(happened(storage)).toEqual(["one"]);
});
