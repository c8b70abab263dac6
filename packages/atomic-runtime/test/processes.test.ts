import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { buildWorker, spawnWorker } from "@container-kit/config/worker";
import type { Worker } from "@container-kit/config/worker";
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";

let program = "";
let folder = "";
let workers: Worker[] = [];

beforeAll(async () => {
  program = await buildWorker(new URL("worker.ts", import.meta.url));
});

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "atomic-processes-"));
});
afterEach(async () => {
  for (const { child } of workers) child.kill("SIGKILL");
  await Promise.all(workers.map(({ ended }) => ended));
  workers = [];
  await rm(folder, { recursive: true, force: true });
});

function start(mode: string, file: string, point = ""): Worker {
  const worker = spawnWorker(program, mode, `sqlite:${folder}/store/`, file, point);
  workers.push(worker);
  return worker;
}

/** Waits for what a worker says. */
async function said(worker: Worker, key: string): Promise<Readonly<Record<string, unknown>>> {
  await expect.poll(() => worker.lines.some((line) => key in line), { timeout: 10_000 }).toBe(true);
  return worker.lines.find((line) => key in line) ?? {};
}

async function killed(file: string): Promise<void> {
  const worker = start("hang", file);
  await said(worker, "made");
  worker.child.kill("SIGKILL");
  expect(await worker.ended).toBe("SIGKILL");
  expect(existsSync(file)).toBe(true);
}

test("what a tool made is gone after kill -9 and the next start's recovery, once, and a success stays", async () => {
  const file = path.join(folder, "made");
  await killed(file);
  expect(await said(start("recover", ""), "undone")).toEqual({ executions: 1, jobs: 0, undone: 1, problems: [] });
  expect(existsSync(file)).toBe(false);
  const finished = start("plain", file);
  expect(await said(finished, "ok")).toMatchObject({ ok: true });
  await finished.ended;
  expect(await said(start("recover", ""), "undone")).toEqual({ executions: 0, jobs: 0, undone: 0, problems: [] });
  expect(existsSync(file)).toBe(true);
});

test("a repeated call whose first process was killed in mid-effect begins after that effect is undone", async () => {
  const file = path.join(folder, "made");
  await killed(file);
  const repeated = start("hang", file);
  await said(repeated, "made");
  expect(repeated.lines).toEqual([{ takenBack: [{ file }] }, { made: file }]);
  repeated.child.kill("SIGKILL");
  await repeated.ended;
  expect(await said(start("recover", ""), "undone")).toMatchObject({ undone: 1, problems: [] });
  expect(existsSync(file)).toBe(false);
});

test.each([
  ["after a note, before its effect", "plain", "note", false],
  ["after the effect, before its end is recorded", "plain", "endExecution", false],
  ["after the end is recorded, before the notes are forgotten", "plain", "clearUndo", true],
  ["under a key, after the effect, before the key is settled", "keyed", "settleIdempotencyKey", false],
  ["under a key, after it is settled, before the end is recorded", "keyed", "endExecution", true],
])("killed %s, a tool is either complete or has left nothing", async (_when, mode, point, complete) => {
  const file = path.join(folder, "made");
  expect(await start(mode, file, point).ended).toBe("SIGKILL");
  expect(await said(start("recover", ""), "undone")).toMatchObject({ undone: complete ? 0 : 1, problems: [] });
  expect(existsSync(file)).toBe(complete);
  if (mode === "plain") return;
  const repeated = start(mode, file);
  expect(await said(repeated, "ok")).toMatchObject({ ok: true });
  // A repetition makes it only where it was not there.
  expect(repeated.lines.some((line) => "made" in line)).toBe(!complete);
});

test.each([
  ["after the effect, before its end is recorded", "endExecution", "interrupted", false],
  ["after its end is recorded, before what it leaves is shared", "share", "completed", false],
  ["after that is shared", "shared", "completed", true],
  ["as its job is to be ended", "endJob", "completed", true],
])("killed %s, what later tools are told is what is there", async (_when, point, ended, told) => {
  const file = path.join(folder, "made");
  expect(await start("leave", file, point).ended).toBe("SIGKILL");
  const next = start("look", "");
  expect(await said(next, "undone")).toMatchObject({ undone: ended === "completed" ? 0 : 1, problems: [] });
  expect(existsSync(file)).toBe(ended === "completed");
  expect(await said(next, "taken")).toMatchObject({
    ended: [ended],
    jobs: [ended],
    taken: told ? file : "INVALID_INPUT",
  });
});

test("two processes that are asked under one key at once give one effect and one outcome", async () => {
  const file = path.join(folder, "lines");
  const both = [start("append", file), start("append", file)];
  for (const worker of both) await said(worker, "ready");
  for (const { child } of both) child.stdin?.write("go\n");
  const [first, second] = await Promise.all(both.map((worker) => said(worker, "ok")));
  expect(first).toMatchObject({ ok: true });
  expect(second).toEqual(first);
  expect((await readFile(file, "utf8")).trim().split("\n")).toHaveLength(1);
});
