import { existsSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { tempFolder } from "@container-kit/config/temp-folder";
import { afterEach, beforeEach, expect, test } from "vitest";
import { buildProgram, run } from "../test/build.ts";
import { eventsSchema, happen, happened } from "../test/events.ts";
import { HolderLock, isHolding, isLocked } from "./holder.ts";
import { openStorage } from "./index.ts";
import type { Storage } from "./index.ts";
import { describeOwner } from "./journal-folder.ts";
import { formatLine } from "./journal-line.ts";

const ELSEWHERE = { pid: 1, processStart: "1", namespace: "pid:[1]" };

let folder: string;
let journal: string;
let storage: Storage;

async function open(): Promise<Storage> {
  const opened = await openStorage(`sqlite:${folder}/`);
  opened.migrate(eventsSchema);
  return opened;
}

beforeEach(async () => {
  folder = tempFolder();
  journal = path.join(folder, "journal");
  storage = await open();
});

afterEach(() => storage.close());

test("who has the store open in another container holds it until it closes it", async () => {
  const other = await open();
  const holder = { ...other.holder(), ...ELSEWHERE };
  expect(other.holder().journal).toBe(holder.journal);
  expect([storage.isHolding(holder), storage.isHolding({ ...holder, bootId: "another" })]).toEqual([true, false]);
  await storage.record.catchUp();
  expect(storage.isHolding(holder)).toBe(true);
  await other.close();
  expect([storage.isHolding(holder), existsSync(journal) ? readdirSync(journal) : []]).toEqual([false, []]);
  expect(storage.isHolding({ ...holder, journal: null })).toBe(true);
});

test("a process that is killed gives its lock up, and who comes next removes it", async () => {
  const { child, lines, ended } = run(await buildProgram(new URL("../test/recorder.ts", import.meta.url)), folder, "a");
  await expect.poll(() => lines.length, { timeout: 10_000 }).toBeGreaterThan(10);
  const [id = ""] = readdirSync(journal).flatMap((name) => (name.endsWith(".lock") ? path.parse(name).name : []));
  const holder = { ...storage.holder(), ...ELSEWHERE, journal: id };
  expect(storage.isHolding(holder)).toBe(true);
  child.kill("SIGKILL");
  await ended;
  expect(storage.isHolding(holder)).toBe(false);
  await storage.record.catchUp();
  expect(happened(storage).length).toBeGreaterThanOrEqual(lines.length);
  expect(readdirSync(journal)).toEqual([`${storage.holder().journal}.lock`]);
});

test("the journal of a living process of another container is read and left, and goes when it has ended", async () => {
  happen(storage, "own");
  const id = "00000000000000cc";
  const lock = new HolderLock(journal, id);
  lock.take();
  const file = path.join(journal, `${id}-1.log`);
  const header = formatLine("header", JSON.stringify({ ...describeOwner(), ...ELSEWHERE }));
  writeFileSync(file, header + formatLine("events:happened", JSON.stringify({ text: "theirs" })));
  await storage.record.catchUp();
  expect([happened(storage).toSorted(), existsSync(file)]).toEqual([["own", "theirs"], true]);
  lock.release();
  await storage.record.catchUp();
  expect([happened(storage).length, existsSync(file)]).toEqual([2, false]);
});

test("a lock whose file was removed is taken anew", () => {
  const [lock, id] = [new HolderLock(journal, "00000000000000dd"), "00000000000000dd"];
  const holder = { ...lock.take(), ...ELSEWHERE };
  const other = new HolderLock(journal, id);
  expect(() => other.take()).toThrow(expect.objectContaining({ code: "STORE_BUSY" }));
  lock.release();
  expect([isLocked(journal, id), isHolding(journal, holder)]).toEqual([false, false]);
  lock.take();
  expect(isLocked(journal, id)).toBe(true);
  lock.release();
});
