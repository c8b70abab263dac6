import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { openStorage } from "@container-kit/storage";
import type { Storage } from "@container-kit/storage";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { buildWorker, spawnWorker } from "../test/spawn-worker.ts";
import type { Worker } from "../test/spawn-worker.ts";
import { tempFolder } from "../test/temp-folder.ts";
import { createSessionStore } from "./index.ts";
import type { SessionStore, StartedExecution } from "./index.ts";
import { sessionSchema } from "./migrations.ts";

let built: string;
let worker: string;
let folder: string;
let url: string;
let running: Worker[];
let storage: Storage | undefined;

beforeAll(async () => {
  built = mkdtempSync(path.join(tmpdir(), "container-kit-worker-"));
  worker = await buildWorker(built);
});

afterAll(() => rmSync(built, { recursive: true, force: true }));

beforeEach(() => {
  folder = tempFolder();
  url = `sqlite:${folder}/`;
  running = [];
});

afterEach(async () => {
  await Promise.all(running.map(kill));
  await storage?.close();
  storage = undefined;
});

function run(...args: readonly string[]): Worker {
  const started = spawnWorker(worker, ...args);
  running.push(started);
  return started;
}

async function kill({ child, ended }: Worker): Promise<void> {
  child.kill("SIGKILL");
  await ended;
}

async function open(): Promise<SessionStore> {
  await storage?.close();
  storage = await openStorage(url);
  return createSessionStore(storage);
}

/** What the worker has said under a name, in order. */
function said(from: Worker, name: string): readonly string[] {
  return from.lines.flatMap((line) => (name in line ? [String(line[name])] : []));
}

async function inMidWork(
  from: Worker,
  calls: number,
): Promise<{ session: string; job: StartedExecution; completed: string }> {
  await expect.poll(() => said(from, "ended").length, { timeout: 30_000, interval: 5 }).toBeGreaterThanOrEqual(calls);
  const main = from.lines.find((line) => "running" in line) as { running: StartedExecution; completed: string };
  return { session: said(from, "session")[0] ?? "", job: main.running, completed: main.completed };
}

test("after kill -9 in mid-work all that was acknowledged is there and the rest shows as interrupted", async () => {
  for (const calls of [1, 7, 60]) {
    const victim = run("work", url);
    const { session, job, completed } = await inMidWork(victim, calls);
    await kill(victim);
    const store = await open();
    const recovered = await store.recoverInterrupted();
    const { executions, jobs } = await store.getSession(session);
    const status = new Map(executions.map((execution) => [execution.id, execution]));

    expect(status.get(job.id)).toMatchObject({ status: "interrupted", endedAt: null, durationMs: null, error: null });
    expect(status.get(completed)).toMatchObject({ status: "completed", result: { digest: "sha256:1" } });
    for (const id of said(victim, "started")) expect(status.has(id)).toBe(true);
    for (const id of said(victim, "ended"))
      expect(status.get(id)).toMatchObject({ status: "completed", result: { id } });
    const interrupted = executions.filter((execution) => execution.status === "interrupted");
    expect(interrupted.length).toBeLessThanOrEqual(2);
    expect(executions.some((execution) => execution.status === "running")).toBe(false);
    expect(jobs.map((each) => each.status)).toEqual(["interrupted", "completed"]);
    expect(recovered).toEqual({ executions: interrupted.length, jobs: 1 });
    expect(await store.recoverInterrupted()).toEqual({ executions: 0, jobs: 0 });
  }
});

test("the keys that a dead process had claimed are free, those it had settled keep their outcome", async () => {
  const victim = run("work", url);
  await inMidWork(victim, 1);
  const store = await open();
  expect(await store.claimIdempotencyKey("pending", "print", "exe_1")).toMatchObject({ state: "pending" });
  await kill(victim);
  await store.recoverInterrupted();
  expect(await store.claimIdempotencyKey("pending", "another", "exe_1")).toEqual({ state: "claimed" });
  expect(await store.claimIdempotencyKey("settled", "print", "exe_1")).toEqual({
    state: "settled",
    outcome: { digest: "sha256:1" },
  });
});

test("a dead process's claim is void even before anybody has cleaned up", async () => {
  const victim = run("work", url);
  await inMidWork(victim, 1);
  await kill(victim);
  expect(await (await open()).claimIdempotencyKey("pending", "print", "exe_1")).toEqual({ state: "claimed" });
});

test("the work of another process that lives stays running, the dead one's beside it does not", async () => {
  const [living, victim] = [run("work", url), run("work", url)];
  const [alive, dead] = await Promise.all([inMidWork(living, 3), inMidWork(victim, 3)]);
  await kill(victim);
  const store = await open();
  expect(await store.recoverInterrupted()).toMatchObject({ jobs: 1 });
  expect((await store.getSession(alive.session)).jobs).toMatchObject([{ status: "running" }, { status: "completed" }]);
  const { executions } = await store.getSession(alive.session);
  expect(executions.find(({ id }) => id === alive.job.id)?.status).toBe("running");
  expect(executions.some(({ status }) => status === "interrupted")).toBe(false);
  expect((await store.getSession(dead.session)).jobs[0]?.status).toBe("interrupted");
  const before = said(living, "ended").length;
  await expect.poll(() => said(living, "ended").length).toBeGreaterThan(before + 3);
});

test("this process's own work is not taken for abandoned, nor that of a second store in it", async () => {
  const store = await open();
  const second = await openStorage(url);
  const others = createSessionStore(second);
  const { id: sessionId } = await store.openSession();
  for (const each of [store, others]) {
    await each.startExecution({ sessionId, tool: "t", correlationId: "c", dryRun: false, input: null, job: true });
    expect(await each.recoverInterrupted()).toEqual({ executions: 0, jobs: 0 });
  }
  expect((await store.getSession(sessionId)).jobs).toMatchObject([{ status: "running" }, { status: "running" }]);
  await second.close();
});

test("two processes that find the same dead one agree", async () => {
  const victim = run("work", url);
  const { session } = await inMidWork(victim, 5);
  await kill(victim);
  const store = await open();
  const second = await openStorage(url);
  const found = await Promise.all([store.recoverInterrupted(), createSessionStore(second).recoverInterrupted()]);
  expect(found.reduce((sum, { jobs }) => sum + jobs, 0)).toBe(1);
  expect((await store.getSession(session)).executions.some(({ status }) => status === "running")).toBe(false);
  await second.close();
});

test("processes that start at once on nothing make one store", async () => {
  const moment = String(Date.now() + 1500);
  const workers = Array.from({ length: 4 }, () => run("open", url, moment));
  expect(await Promise.all(workers.map(({ ended }) => ended))).toEqual([0, 0, 0, 0]);
  const store = await open();
  const ids = (await store.listSessions()).map(({ id }) => id);
  expect(ids.toSorted()).toEqual(workers.flatMap((each) => said(each, "session")).toSorted());
});

test("a process that leaves the store open ends by itself and loses nothing that was answered", async () => {
  const leaver = run("leave", url);
  expect(await leaver.ended).toBe(0);
  const { executions } = await (await open()).getSession(said(leaver, "session")[0] ?? "");
  expect(executions).toMatchObject([{ status: "completed" }]);
});

test("a store that a newer program has migrated further is refused untouched", async () => {
  await open();
  const later = { id: "9999-later", statements: ["CREATE TABLE later (id INTEGER) STRICT"] };
  storage?.migrate({ ...sessionSchema, record: [...sessionSchema.record, later] });
  await storage?.close();
  const before = hashes();
  await expect(open()).rejects.toMatchObject({ code: "STORE_UNAVAILABLE", message: expect.stringContaining("9999") });
  await storage?.close();
  expect(hashes()).toEqual(before);
});

test("opening again applies nothing again", async () => {
  const { id } = await (await open()).openSession();
  expect(await (await open()).getSession(id)).toMatchObject({ id });
  await storage?.close();
  const before = hashes();
  await open();
  await storage?.close();
  expect(hashes()).toEqual(before);
});

function hashes(): readonly string[] {
  return ["state.db", "record.db"].map((name) =>
    createHash("sha256")
      .update(readFileSync(path.join(folder, name)))
      .digest("hex"),
  );
}
