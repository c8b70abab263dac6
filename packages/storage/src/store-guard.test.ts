import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { tempFolder } from "@container-kit/config/temp-folder";
import { silentLogger } from "@container-kit/observability";
import { integer, sqliteTable, text } from "drizzle-orm/sqlite-core";
import { afterEach, beforeEach, expect, test } from "vitest";
import { buildProgram, runWithFewFiles } from "../test/build.ts";
import { eventsSchema, happen, happened } from "../test/events.ts";
import { fillDisk, freeze, mountSmallDisk } from "../test/small-disk.ts";
import { openStorage } from "./index.ts";
import type { Storage } from "./index.ts";
import { JournalWriter } from "./journal-writer.ts";
import { openStorageWith } from "./open-storage.ts";

const notes = sqliteTable("notes", { id: integer("id").primaryKey(), text: text("text").notNull() });
const notesSchema = {
  package: "notes",
  state: [{ id: "0001-notes", statements: ["CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT"] }],
  record: [],
};
const disk = mountSmallDisk(12);
const tinyDisk = mountSmallDisk(1);

let folder: string;
let storage: Storage | undefined;

beforeEach(() => {
  folder = path.join(tempFolder(), "store");
});

afterEach(async () => {
  await storage?.close();
  storage = undefined;
});

async function open(at = folder): Promise<Storage> {
  storage = await openStorage(`sqlite:${at}/`, { busyTimeoutMs: 500 });
  storage.migrate(eventsSchema);
  storage.migrate(notesSchema);
  return storage;
}

function note(store: Storage): Promise<unknown> {
  return store.state.write(() => store.state.statements.insert(notes).values({ text: "x" }).run());
}

// oxlint-disable-next-line vitest/no-disabled-tests -- skipped only where this user may not mount a disk of its own
test.skipIf(disk === undefined)(
  "a full disk: what has begun can record its end, new work is refused, and when there is room all goes on",
  async () => {
    const at = path.join(disk ?? "", "store");
    const store = await open(at);
    await expect.poll(() => existsSync(path.join(at, "ballast")), { timeout: 5000 }).toBe(true);
    await note(store);
    happen(store, "before");
    const filler = fillDisk(disk ?? "");
    let number = 0;
    for (; store.health().status === "ok" && number < 10_000; number += 1)
      happen(store, `${number} ${"x".repeat(2000)}`);
    expect(store.health()).toMatchObject({ status: "readOnly", reasons: [/there is no room/] });
    expect(existsSync(path.join(at, "ballast"))).toBe(false);
    expect(() => store.record.admit()).toThrow(
      expect.objectContaining({ code: "STORE_FULL", details: { file: path.join(at, "state.db"), retryAfterMs: 1000 } }),
    );
    await expect(note(store)).rejects.toMatchObject({ code: "STORE_FULL" });
    for (let more = 0; more < 100; more += 1) happen(store, `end ${more} ${"x".repeat(2000)}`);
    await store.record.catchUp();
    rmSync(filler);
    await expect.poll(() => store.health().status, { timeout: 5000 }).toBe("ok");
    expect(statSync(path.join(at, "ballast")).size).toBeGreaterThanOrEqual(4 * 1024 * 1024);
    store.record.admit();
    await note(store);
    await store.record.catchUp();
    expect(happened(store)).toHaveLength(1 + number + 100);
    await store.close();
    fillDisk(disk ?? "");
    // A start on a full disk has the ballast's room, and the queries their answers.
    expect(happened(await open(at))).toHaveLength(1 + number + 100);
  },
);

// oxlint-disable-next-line vitest/no-disabled-tests -- skipped only where this user may not mount a disk of its own
test.skipIf(tinyDisk === undefined)(
  "a line that the disk took a part of is cut off, and the segment goes on when there is room",
  async () => {
    const at = path.join(tinyDisk ?? "", "journal");
    const writer = new JournalWriter({ folder: at, logger: silentLogger });
    writer.append("events:happened", '{"text":"first"}');
    const filler = fillDisk(tinyDisk ?? "", 10_000);
    const long = JSON.stringify({ text: "x".repeat(100_000) });
    expect(() => writer.append("events:happened", long)).toThrow(expect.objectContaining({ code: "STORE_FULL" }));
    rmSync(filler);
    writer.append("events:happened", '{"text":"second"}');
    await writer.close();
    const [name = "", ...others] = readdirSync(at);
    expect(others).toEqual([]);
    const lines = readFileSync(path.join(at, name), "utf8").split("\n");
    expect(lines.map((line) => line.split(" ")[1])).toEqual([
      "header",
      "events:happened",
      "events:happened",
      undefined,
    ]);
  },
);

test.each(["state.db", "record.db", "shared.db"])(
  "%s that was moved away gets no further write, and is taken up again when it is back",
  async (name) => {
    const store = await open();
    await note(store);
    happen(store, "one");
    await store.record.catchUp();
    const file = path.join(folder, name);
    renameSync(file, `${file}.elsewhere`);
    await expect.poll(() => attempt(() => happen(store, "lost")), { timeout: 2000 }).toBe("STORE_UNAVAILABLE");
    await expect(note(store)).rejects.toMatchObject({
      code: "STORE_UNAVAILABLE",
      message: /was removed or replaced while in use/ as unknown,
    });
    expect(store.health()).toMatchObject({ status: "unavailable", reasons: [expect.stringContaining(file)] });
    renameSync(`${file}.elsewhere`, file);
    await expect.poll(() => attempt(() => happen(store, "back")), { timeout: 2000 }).toBe("done");
    await note(store);
    expect(store.health().status).toBe("ok");
  },
);

test("a journal that was removed is told, and a new one is begun", async () => {
  const store = await open();
  happen(store, "one");
  await store.record.catchUp();
  rmSync(path.join(folder, "journal"), { recursive: true });
  await expect.poll(() => attempt(() => happen(store, "lost")), { timeout: 2000 }).toBe("STORE_UNAVAILABLE");
  happen(store, "two");
  await store.record.catchUp();
  expect(happened(store)).toEqual(["one", "two"]);
  expect(store.health()).toMatchObject({ status: "degraded", reasons: [/removed or replaced/] });
});

test("a medium that refuses every write is reported, and taken up again when it takes them", async ({ skip }) => {
  const store = await open();
  happen(store, "one");
  const journal = path.join(folder, "journal");
  const frozen = [journal, ...readdirSync(journal).map((name) => path.join(journal, name))];
  try {
    if (!frozen.every((file) => freeze(file, true))) skip("this file system or user cannot make files immutable");
    for (const _ of [1, 2])
      expect(() => happen(store, "refused")).toThrow(expect.objectContaining({ code: "STORE_UNAVAILABLE" }));
    expect(() => store.record.admit()).toThrow(expect.objectContaining({ code: "STORE_UNAVAILABLE" }));
    expect(store.health()).toMatchObject({ status: "unavailable", reasons: [/not permitted/] });
  } finally {
    for (const file of frozen) freeze(file, false);
  }
  await expect.poll(() => attempt(() => store.record.admit()), { timeout: 3000 }).toBe("done");
  happen(store, "two");
  expect(store.health().status).toBe("ok");
  await store.record.catchUp();
  expect(happened(store)).toEqual(["one", "two"]);
});

test("a folder that takes no files is refused at the start", async ({ skip }) => {
  mkdirSync(folder);
  if (!freeze(folder, true)) skip("this file system or user cannot make files immutable");
  try {
    await expect(open()).rejects.toMatchObject({
      code: "STORE_UNAVAILABLE",
      remedy: /is writable by this user/ as unknown,
    });
  } finally {
    freeze(folder, false);
  }
});

test("a network file system is refused unless it was allowed", async () => {
  const asked: string[] = [];
  const faults = {
    fileSystemKind: (at: string) => {
      asked.push(at);
      return 0x6969;
    },
  };
  await expect(openStorageWith(`sqlite:${folder}/`, {}, faults)).rejects.toMatchObject({
    code: "STORE_UNAVAILABLE",
    message: /lies on NFS/ as unknown,
    remedy: /local disk/ as unknown,
  });
  expect(asked).toEqual([folder]);
  expect(readdirSync(folder)).toEqual([]);
  storage = await openStorageWith(`sqlite:${folder}/`, { allowNetworkFileSystem: true }, faults);
});

test("a journal that cannot be opened is told with a code of this package, and is opened when it can be", async () => {
  const store = await open();
  happen(store, "one");
  await store.record.catchUp();
  rmSync(path.join(folder, "journal"), { recursive: true });
  // In place of a folder: nothing can be opened below it.
  writeFileSync(path.join(folder, "journal"), "");
  await expect.poll(() => attempt(() => happen(store, "x")), { timeout: 2000 }).toBe("STORE_UNAVAILABLE");
  expect(attempt(() => happen(store, "x"))).toBe("STORE_UNAVAILABLE");
  rmSync(path.join(folder, "journal"));
  happen(store, "two");
  await store.record.catchUp();
  expect(happened(store)).toEqual(["one", "two"]);
});

test("without a descriptor left everything is refused with a code of this package, and goes on when there are some", async () => {
  const program = await buildProgram(new URL("../test/without-descriptors.ts", import.meta.url));
  const { lines, ended } = runWithFewFiles(60, program, folder);
  await ended;
  expect(lines).toEqual([
    "held true",
    "STORE_UNAVAILABLE STORE_UNAVAILABLE STORE_UNAVAILABLE unavailable",
    "done done done ok",
  ]);
});

function attempt(work: () => void): string {
  try {
    work();
    return "done";
  } catch (error) {
    return (error as { readonly code: string }).code;
  }
}
