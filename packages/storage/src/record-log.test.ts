import {
  appendFileSync,
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  readdirSync,
  statSync,
  truncateSync,
  writeSync,
} from "node:fs";
import path from "node:path";
import { tempFolder } from "@container-kit/config/temp-folder";
import { createLogger, createRedactor } from "@container-kit/observability";
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { buildProgram, run } from "../test/build.ts";
import { events, eventsSchema, happen, happened } from "../test/events.ts";
import { openStorage } from "./index.ts";
import type { Storage } from "./index.ts";
import { describeOwner } from "./journal-folder.ts";
import { formatLine } from "./journal-line.ts";

let folder: string;
let logged: string[];
let opened: Storage[];
let storage: Storage;
let recorder: string;

beforeAll(async () => {
  recorder = await buildProgram(new URL("../test/recorder.ts", import.meta.url));
});

beforeEach(async () => {
  folder = tempFolder();
  logged = [];
  opened = [];
  storage = await open();
});

afterEach(async () => {
  for (const each of opened) await each.close();
});

async function open(): Promise<Storage> {
  const logger = createLogger({ level: "warn", redactor: createRedactor(), write: (line) => logged.push(line) });
  const store = await openStorage(`sqlite:${folder}/`, { busyTimeoutMs: 2000, logger });
  store.migrate(eventsSchema);
  opened.push(store);
  return store;
}

function journals(): readonly string[] {
  const at = path.join(folder, "journal");
  const names = existsSync(at) ? readdirSync(at).filter((name) => name.endsWith(".log")) : [];
  return names.map((name) => path.join(at, name));
}

/** Also the locks of those who have the store open. */
function leftBehind(): readonly string[] {
  return readdirSync(path.join(folder, "journal"));
}

function onlyJournal(): string {
  const [file = "", ...others] = journals();
  expect(others).toEqual([]);
  return file;
}

/** Makes the journal one of a process that is gone. */
function bury(file: string): void {
  const [, ...lines] = readFileSync(file, "utf8").split("\n");
  const header = formatLine("header", JSON.stringify({ ...describeOwner(), processStart: "0" }));
  const descriptor = openSync(path.join(path.dirname(file), "00000000000000aa-1.log"), "wx");
  writeSync(descriptor, header + lines.join("\n"));
  closeSync(descriptor);
}

test("what was appended is in the tables after catching up, in its order, also for another opener", async () => {
  const other = await open();
  happen(storage, "one");
  happen(other, "two");
  happen(storage, "three");
  await Promise.all([storage.record.catchUp(), other.record.catchUp(), storage.record.catchUp()]);
  for (const store of [storage, other]) expect(happened(store).toSorted()).toEqual(["one", "three", "two"]);
  expect(happened(storage).filter((text) => text !== "two")).toEqual(["one", "three"]);
});

test("what was appended comes into the tables by itself", async () => {
  happen(storage, "one");
  await expect.poll(() => happened(storage), { timeout: 5000 }).toEqual(["one"]);
  happen(storage, "two");
  await expect.poll(() => happened(storage), { timeout: 5000 }).toEqual(["one", "two"]);
});

test("close brings everything in and leaves no journal", async () => {
  for (let number = 0; number < 1000; number += 1) happen(storage, String(number));
  await storage.close();
  expect(leftBehind()).toEqual([]);
  expect(happened(await open())).toHaveLength(1000);
});

test("the tables cannot be written but by a projection", () => {
  expect(() =>
    storage.record.read(() => storage.record.statements.insert(events).values({ at: 1, text: "x" }).run()),
  ).toThrow(expect.objectContaining({ code: "STORE_UNAVAILABLE" }));
});

test("a line longer than any slice, and one of any letters, come in whole", async () => {
  const long = 'ü\n"\\\u2028'.repeat(200_000);
  happen(storage, long);
  happen(storage, "short");
  await storage.record.catchUp();
  expect(happened(storage)).toEqual([long, "short"]);
});

test("a damaged line is skipped and told, the others come in", async () => {
  for (const text of ["one", "two", "three"]) happen(storage, text);
  const file = onlyJournal();
  const bytes = readFileSync(file);
  const descriptor = openSync(file, "r+");
  writeSync(descriptor, "X", bytes.indexOf("two"));
  closeSync(descriptor);
  await storage.record.catchUp();
  expect(happened(storage)).toEqual(["one", "three"]);
  expect(logged.join()).toContain("damaged");
});

test("an entry that cannot be applied, and one of an unknown package, are skipped and told", async () => {
  happen(storage, "one");
  happen(storage, "poison");
  storage.record.append("nobody:knows", "{}");
  happen(storage, "two");
  await storage.record.catchUp();
  expect(happened(storage)).toEqual(["one", "two"]);
  expect(logged.join()).toContain("refused");
  expect(logged.join()).toContain("unknown");
});

test("entries of a package that has tables here wait for a program that knows it", async () => {
  const other = await openStorage(`sqlite:${folder}/`);
  opened.push(other);
  happen(storage, "one");
  await other.record.catchUp();
  other.migrate(eventsSchema);
  await other.record.catchUp();
  expect(happened(other)).toEqual(["one"]);
});

test("once a newer program has migrated the tables, an older one leaves its lines to it", async () => {
  happen(storage, "before");
  await storage.record.catchUp();
  const newer = await openStorage(`sqlite:${folder}/`);
  opened.push(newer);
  const renamed = { id: "0002-renamed", statements: ["ALTER TABLE events RENAME COLUMN text TO told"] };
  newer.migrate({ package: "events", state: [], record: [...eventsSchema.record, renamed] });
  happen(storage, "after");
  for (const older of [storage, storage]) {
    const refusal = { code: "STORE_UNAVAILABLE", message: expect.stringContaining("newer version") as string };
    await expect(older.record.catchUp()).rejects.toMatchObject(refusal);
  }
  expect(storage.health().behind).toBeGreaterThan(0);
  expect(logged.filter((line) => line.includes("skipped"))).toEqual([]);
});

test("the torn last line of a dead process is dropped with its journal", async () => {
  happen(storage, "one");
  happen(storage, "torn");
  const file = onlyJournal();
  truncateSync(file, statSync(file).size - 3);
  bury(file);
  truncateSync(file, 0);
  await storage.record.catchUp();
  expect(happened(storage)).toEqual(["one"]);
  expect(journals()).toEqual([file]);
});

test("half a line of a living process is left until the rest is there", async () => {
  happen(storage, "one");
  const line = formatLine("events:happened", JSON.stringify({ text: "two" }));
  appendFileSync(onlyJournal(), line.slice(0, 20));
  await storage.record.catchUp();
  expect(happened(storage)).toEqual(["one"]);
  appendFileSync(onlyJournal(), line.slice(20));
  await storage.record.catchUp();
  expect(happened(storage)).toEqual(["one", "two"]);
});

test("a journal of a newer format is refused, and nothing is touched", async () => {
  happen(storage, "one");
  const file = path.join(folder, "journal", "00000000000000bb-1.log");
  appendFileSync(file, formatLine("header", JSON.stringify({ format: 2 })) + "whatever\n");
  await expect(openStorage(`sqlite:${folder}/`)).rejects.toMatchObject({
    code: "STORE_UNAVAILABLE",
    remedy: /newer version/ as unknown,
  });
  await storage.record.catchUp();
  expect(happened(storage)).toEqual(["one"]);
  expect(existsSync(file)).toBe(true);
});

test("three processes record until they are killed: all that was acknowledged is there once", async () => {
  const programs = ["a", "b", "c"].map((name) => ({ name, program: run(recorder, folder, name) }));
  await expect.poll(() => programs.every(({ program }) => program.lines.length > 2000), { timeout: 20_000 }).toBe(true);
  for (const { program } of programs) program.child.kill("SIGKILL");
  await Promise.all(programs.map(({ program }) => program.ended));
  const other = await open();
  await Promise.all([storage.record.catchUp(), other.record.catchUp()]);
  const found = happened(storage);
  expect(new Set(found).size).toBe(found.length);
  for (const { name, program } of programs) {
    const numbers = found.flatMap((text) => (text.startsWith(`${name} `) ? [Number(text.slice(2))] : []));
    expect(numbers).toEqual(numbers.map((_, index) => index));
    expect(numbers.length).toBeGreaterThanOrEqual(program.lines.length);
  }
  expect(leftBehind()).toEqual([]);
});

test("killed at any named place of its way, a line that was acknowledged is there once, and no other is there twice", async () => {
  const places = [
    "journal.append.before",
    "journal.append.after",
    "ingest.applied",
    "ingest.committed",
    "ingest.synced",
    "ingest.deleted",
  ];
  const acknowledged = new Map<string, number>();
  for (const place of places) {
    const program = run(recorder, folder, place, place);
    await program.ended;
    expect(program.child.signalCode).toBe("SIGKILL");
    acknowledged.set(place, program.lines.length);
  }
  await storage.record.catchUp();
  const found = happened(storage);
  for (const place of places) {
    const numbers = found.flatMap((text) =>
      text.startsWith(`${place} `) ? [Number(text.slice(place.length + 1))] : [],
    );
    expect(numbers).toEqual(numbers.map((_, index) => index));
    expect(numbers.length).toBeGreaterThanOrEqual(acknowledged.get(place) ?? Number.NaN);
  }
  expect(leftBehind()).toEqual([]);
});

test("a journal begins anew when a segment is large, and the old segment goes", async () => {
  const text = "x".repeat(1024 * 1024);
  for (let number = 0; number < 10; number += 1) happen(storage, text);
  expect(journals()).toHaveLength(2);
  await storage.record.catchUp();
  expect(happened(storage)).toHaveLength(10);
  expect(journals().map((file) => path.basename(file).slice(16))).toEqual(["-2.log"]);
});
