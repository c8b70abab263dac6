import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { tempFolder } from "@container-kit/config/temp-folder";
import Sqlite from "better-sqlite3";
import { afterEach, beforeEach, expect, test } from "vitest";
import { markDamaged } from "./damage-marker.ts";
import { openStorage } from "./index.ts";
import type { PackageSchema, Storage } from "./index.ts";

const schema: PackageSchema = {
  package: "notes",
  state: [{ id: "0001-notes", statements: ["CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT) STRICT"] }],
  record: [{ id: "0001-events", statements: ["CREATE TABLE events (id INTEGER PRIMARY KEY, text TEXT) STRICT"] }],
};

let folder: string;
let umask: number;
const opened: Storage[] = [];

beforeEach(() => {
  folder = path.join(tempFolder(), "home", "store");
  umask = process.umask(0);
});

afterEach(async () => {
  process.umask(umask);
  for (const storage of opened.splice(0)) await storage.close();
});

async function open(url = `sqlite:${folder}/`): Promise<Storage> {
  const storage = await openStorage(url, { busyTimeoutMs: 300, clock: () => Date.UTC(2026, 0, 2, 3, 4, 5, 6) });
  opened.push(storage);
  return storage;
}

function mode(file: string): string {
  return (statSync(file).mode & 0o777).toString(8);
}

function hash(file: string): string {
  return createHash("sha256").update(readFileSync(file)).digest("hex");
}

test("folders and files are for this user alone, whatever the umask", async () => {
  const storage = await open();
  storage.migrate(schema);
  storage.record.append("notes:event", "{}");
  await expect.poll(() => existsSync(path.join(folder, "ballast")), { timeout: 5000 }).toBe(true);
  const journals = readdirSync(path.join(folder, "journal")).map((name) => path.join(folder, "journal", name));
  expect(journals.map((file) => path.extname(file)).toSorted()).toEqual([".lock", ".log"]);
  expect([path.join(folder, "journal"), ...journals].map(mode)).toEqual(["700", "600", "600"]);
  rmSync(path.join(folder, "journal"), { recursive: true });
  const files = readdirSync(folder);
  expect(files.toSorted()).toEqual([
    "ballast",
    "record.db",
    "record.db-shm",
    "record.db-wal",
    "shared.db",
    "shared.db-shm",
    "shared.db-wal",
    "state.db",
    "state.db-shm",
    "state.db-wal",
  ]);
  for (const file of files) expect([file, mode(path.join(folder, file))]).toEqual([file, "600"]);
  expect(mode(folder)).toBe("700");
  expect(mode(path.dirname(folder))).toBe("700");
});

test("a file that others can read is closed to them, a folder that was there stays as it is", async () => {
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  await (await open()).close();
  for (const file of ["state.db", "record.db", "shared.db"]) expect(mode(path.join(folder, file))).toBe("600");
  chmodSync(path.join(folder, "state.db"), 0o644);
  await open();
  expect(mode(path.join(folder, "state.db"))).toBe("600");
  expect(mode(folder)).toBe("755");
});

test("the state commits with FULL, the others with NORMAL, all in WAL mode with foreign keys", async () => {
  const storage = await open();
  const pragma = (database: "state" | "record" | "shared", name: string) => {
    // The connection is not part of the face; drizzle still holds it.
    const statements = storage[database].statements as unknown as { $client: Sqlite.Database };
    return statements.$client.pragma(name, { simple: true });
  };
  const settings = ["journal_mode", "synchronous", "foreign_keys"];
  expect(settings.map((name) => pragma("state", name))).toEqual(["wal", 2, 1]);
  expect(settings.map((name) => pragma("record", name))).toEqual(["wal", 1, 1]);
  expect(settings.map((name) => pragma("shared", name))).toEqual(["wal", 1, 1]);
});

test("closing twice is closing once, leaves no log, and what is asked afterwards is refused", async () => {
  const storage = await open();
  storage.migrate(schema);
  await Promise.all([storage.close(), storage.close()]);
  expect(readdirSync(folder).toSorted()).toEqual(["record.db", "shared.db", "state.db"]);
  await expect(storage.state.write(() => {})).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
  expect(() => storage.record.append("notes:event", "{}")).toThrow(/has been closed/);
  await expect(storage.record.catchUp()).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
  expect(() => storage.state.read(() => 1)).toThrow(/has been closed/);
});

test.each(["state.db", "record.db", "shared.db"])(
  "garbage in place of %s is set aside, and the next start begins anew",
  async (name) => {
    await (await open()).close();
    const file = path.join(folder, name);
    writeFileSync(file, "not a database, and long enough to have a header of one hundred bytes ".repeat(4));
    const before = hash(file);
    const aside = `${file}.damaged-2026-01-02T03-04-05.006Z`;
    await expect(open()).rejects.toMatchObject({
      code: "STORE_CORRUPT",
      message: expect.stringContaining(aside) as unknown,
      remedy: expect.stringContaining("Start again") as unknown,
      details: { file, aside },
    });
    expect(hash(aside)).toBe(before);
    expect(existsSync(file)).toBe(false);
    await open();
  },
);

test("a store that was made before there was a shared file gets one at its next start", async () => {
  const storage = await open();
  storage.migrate(schema);
  await storage.close();
  rmSync(path.join(folder, "shared.db"));
  const before = ["state.db", "record.db"].map((name) => hash(path.join(folder, name)));
  const again = await open();
  again.migrate(schema);
  expect(again.health()).toMatchObject({ status: "ok", reasons: [] });
  expect(again.health().bytes.shared).toBeGreaterThan(0);
  await again.close();
  expect(["state.db", "record.db"].map((name) => hash(path.join(folder, name)))).toEqual(before);
});

test("a second damaged file of the same moment does not replace the first", async () => {
  const file = path.join(folder, "state.db");
  for (const content of ["first garbage", "second garbage"]) {
    await (await open()).close();
    writeFileSync(file, content.repeat(50));
    await expect(open()).rejects.toMatchObject({ code: "STORE_CORRUPT" });
  }
  expect(readdirSync(folder).filter((name) => name.includes("damaged"))).toHaveLength(2);
});

test("a damaged page is found at the start and set aside with its log", async () => {
  const storage = await open();
  storage.migrate(schema);
  await storage.close();
  const file = path.join(folder, "state.db");
  const bytes = readFileSync(file);
  // The second page begins with the kind of its tree; no tree is of kind 0xff.
  bytes.fill(0xff, 4096, 4096 + 64);
  writeFileSync(file, bytes);
  await expect(open()).rejects.toMatchObject({ code: "STORE_CORRUPT" });
  expect(existsSync(file)).toBe(false);
});

test("a damaged letter in a table's definition, which SQLite's own check passes, is found too", async () => {
  const storage = await open();
  storage.migrate(schema);
  await storage.close();
  const file = path.join(folder, "state.db");
  const bytes = readFileSync(file);
  const at = bytes.indexOf("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT)");
  bytes.write("TEXX", at + "CREATE TABLE notes (id INTEGER PRIMARY KEY, ".length);
  writeFileSync(file, bytes);
  await expect(open()).rejects.toMatchObject({ code: "STORE_CORRUPT", message: /notes/ as unknown });
});

test("damage that was found while a file was in use is dealt with at the next start", async () => {
  const storage = await open();
  storage.migrate(schema);
  const file = path.join(folder, "record.db");
  markDamaged(file, "a page is not what it was");
  expect(mode(`${file}.damage`)).toBe("600");
  await storage.close();
  await expect(open()).rejects.toMatchObject({
    code: "STORE_CORRUPT",
    message: /a page is not what it was/ as unknown,
  });
  await open();
});

test("an index that somebody has added by hand is no damage", async () => {
  const storage = await open();
  storage.migrate(schema);
  await storage.close();
  const client = new Sqlite(path.join(folder, "state.db"));
  client.exec("CREATE INDEX by_hand ON notes (text)");
  client.close();
  await open();
});

test("an emptied file is damage, not a new beginning", async () => {
  await (await open()).close();
  writeFileSync(path.join(folder, "state.db"), "");
  await expect(open()).rejects.toMatchObject({ code: "STORE_CORRUPT", message: /it is empty/ as unknown });
});

test("a log whose file is gone is refused and left where it is", async () => {
  const storage = await open();
  storage.migrate(schema);
  const file = path.join(folder, "state.db");
  rmSync(file);
  await expect(open()).rejects.toMatchObject({ code: "STORE_CORRUPT", remedy: /^Put the file back/ as unknown });
  expect(existsSync(`${file}-wal`)).toBe(true);
});

test("another program's SQLite file is refused untouched", async () => {
  mkdirSync(folder, { recursive: true });
  const file = path.join(folder, "state.db");
  const other = new Sqlite(file);
  other.exec("CREATE TABLE bookmarks (url TEXT); INSERT INTO bookmarks VALUES ('x')");
  other.close();
  const before = hash(file);
  await expect(open()).rejects.toMatchObject({ code: "STORE_UNAVAILABLE", message: /another program/ as unknown });
  expect(hash(file)).toBe(before);
});

test("a file of a newer format is refused untouched", async () => {
  await (await open()).close();
  const file = path.join(folder, "state.db");
  const newer = new Sqlite(file);
  newer.pragma("user_version = 2");
  newer.close();
  const before = hash(file);
  await expect(open()).rejects.toMatchObject({ code: "STORE_UNAVAILABLE", remedy: /newer version/ as unknown });
  expect(hash(file)).toBe(before);
});

test("a path that leads through a file, or to something that is no file, is said to be unusable", async () => {
  const file = path.join(tempFolder(), "file");
  writeFileSync(file, "");
  await expect(open(`sqlite:${file}/store/`)).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
  mkdirSync(path.join(folder, "record.db"), { recursive: true });
  await expect(open()).rejects.toMatchObject({ code: "STORE_UNAVAILABLE", message: /not a regular file/ as unknown });
});
