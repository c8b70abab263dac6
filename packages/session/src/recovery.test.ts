import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { tempFolder } from "@container-kit/config/temp-folder";
import { buildWorker, spawnWorker } from "@container-kit/config/worker";
import type { Worker } from "@container-kit/config/worker";
import { openStorage } from "@container-kit/storage";
import type { Storage } from "@container-kit/storage";
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { makeOldStore } from "../test/old-store.ts";
import { openSqlite } from "../test/sqlite.ts";
import { createSessionStore } from "./index.ts";
import type { SessionDetails, SessionStore, SessionStoreOptions, StartedExecution } from "./index.ts";

let worker: string;
let folder: string;
let url: string;
let running: Worker[];
let storage: Storage | undefined;

beforeAll(async () => {
  worker = await buildWorker(new URL("../test/worker.ts", import.meta.url));
});

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

async function open(options: SessionStoreOptions = {}): Promise<SessionStore> {
  await storage?.close();
  storage = await openStorage(url);
  return createSessionStore(storage, options);
}

/** What the worker has said under a name, in order. */
function said(from: Worker, name: string): readonly string[] {
  return from.lines.flatMap((line) => (name in line ? [String(line[name])] : []));
}

interface MidWork {
  readonly session: string;
  readonly job: StartedExecution;
  readonly completed: StartedExecution;
}

async function inMidWork(from: Worker, calls: number): Promise<MidWork> {
  await expect.poll(() => said(from, "ended").length, { timeout: 30_000, interval: 5 }).toBeGreaterThanOrEqual(calls);
  const main = from.lines.find((line) => "running" in line) as unknown as Record<
    "running" | "completed",
    StartedExecution
  >;
  return { session: said(from, "session")[0] ?? "", job: main.running, completed: main.completed };
}

test("after kill -9 in mid-work all that was acknowledged is there and the rest shows as interrupted", async () => {
  for (const calls of [1, 7, 60]) {
    const victim = run("work", url);
    const { session, job, completed } = await inMidWork(victim, calls);
    await kill(victim);
    const store = await open();
    const recovered = await store.recoverInterrupted();
    const { jobs, statistics } = await store.getSession(session);
    const { executions } = (await store.exportSession(session)) as unknown as SessionDetails;
    const status = new Map(executions.map((execution) => [execution.id, execution]));

    expect(status.get(job.id)).toMatchObject({ status: "interrupted", endedAt: null, durationMs: null, error: null });
    expect(status.get(completed.id)).toMatchObject({ status: "completed", result: { digest: "sha256:1" } });
    for (const id of said(victim, "started")) expect(status.has(id)).toBe(true);
    for (const id of said(victim, "ended"))
      expect(status.get(id)).toMatchObject({ status: "completed", result: { id } });
    const interrupted = executions.filter((execution) => execution.status === "interrupted");
    expect(interrupted.length).toBeLessThanOrEqual(2);
    expect(executions.some((execution) => execution.status === "running")).toBe(false);
    // The second execution ended, and its process died before its job could: it ended as its execution did.
    expect(jobs.map((each) => each.status)).toEqual(["interrupted", "completed"]);
    expect(recovered).toEqual({ executions: statistics.interrupted, jobs: 1 });
    expect(statistics.interrupted).toBeLessThanOrEqual(2);
    expect(await store.recoverInterrupted()).toEqual({ executions: 0, jobs: 0 });
    for (const task of await store.claimUndoTasks()) await store.clearUndo(task.executionId);
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
  const [survivor, victim] = [run("work", url), run("work", url)];
  const [alive, dead] = await Promise.all([inMidWork(survivor, 3), inMidWork(victim, 3)]);
  await kill(victim);
  const store = await open();
  expect(await store.recoverInterrupted()).toMatchObject({ jobs: 1 });
  expect((await store.getSession(alive.session)).jobs).toMatchObject([{ status: "running" }, { status: "running" }]);
  const living = await store.history({ sessionId: alive.session, status: "running" });
  expect(living.some(({ id }) => id === alive.job.id)).toBe(true);
  expect(await store.history({ sessionId: alive.session, status: "interrupted" })).toEqual([]);
  expect((await store.getSession(dead.session)).jobs[0]?.status).toBe("interrupted");
  const before = said(survivor, "ended").length;
  await expect.poll(() => said(survivor, "ended").length).toBeGreaterThan(before + 3);
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
  const sum = (of: "executions" | "jobs"): number => found.reduce((total, each) => total + each[of], 0);
  const { interrupted } = await store.statistics();
  expect([sum("executions"), sum("jobs")]).toEqual([interrupted, 1]);
  expect((await store.getSession(session)).executions.some(({ status }) => status === "running")).toBe(false);
  await second.close();
});

test("the work of a process in another container is its own until it dies, and is found then", async () => {
  const victim = run("work", url);
  const { session, job } = await inMidWork(victim, 5);
  // As if it could not be seen from here, and another had its number.
  const state = openSqlite(path.join(folder, "state.db"));
  state.exec("UPDATE owners SET pid = 1, process_start = '1', namespace = 'pid:[1]'");
  state.close();
  const store = await open();
  expect(await store.recoverInterrupted()).toEqual({ executions: 0, jobs: 0 });
  expect(await store.claimUndoTasks()).toEqual([]);
  expect(await store.claimIdempotencyKey("pending", "print", "exe_zz")).toMatchObject({ state: "pending" });
  expect((await store.getSession(session)).jobs.map(({ status }) => status)).toContain("running");
  await kill(victim);
  expect(await store.recoverInterrupted()).toMatchObject({ jobs: 1 });
  expect(await store.claimUndoTasks()).toMatchObject([{ executionId: job.id }]);
  expect(await store.claimIdempotencyKey("pending", "print", "exe_zz")).toEqual({ state: "claimed" });
});

test("what a dead process would have undone goes to one process, unless it completed", async () => {
  const victim = run("work", url);
  const { session, job } = await inMidWork(victim, 1);
  await kill(victim);
  const store = await open();
  const second = await openStorage(url);
  const claims = await Promise.all([store.claimUndoTasks(), createSessionStore(second).claimUndoTasks()]);
  const notes = [{ tag: "b" }, { tag: "a" }];
  expect(claims.flat()).toEqual([{ executionId: job.id, sessionId: session, tool: "push_image", notes, attempts: 1 }]);
  await second.close();
});

test("four processes do each of 300 jobs once", async () => {
  const store = await open();
  const { id: sessionId } = await store.openSession();
  const queued = await Promise.all(
    Array.from({ length: 300 }, (_, n) => store.queueJob({ sessionId, tool: "build_image", work: { n } })),
  );
  const workers = Array.from({ length: 4 }, () => run("jobs", url));
  expect(await Promise.all(workers.map(({ ended }) => ended))).toEqual([0, 0, 0, 0]);
  const done = workers.flatMap((each) => said(each, "done"));
  expect(done.toSorted()).toEqual(queued.map(({ id }) => id).toSorted());
  const jobs = await store.listJobs({ sessionId, limit: 1000 });
  expect(jobs.filter(({ status }) => status === "completed")).toHaveLength(300);
  expect(await store.statistics({ sessionId })).toMatchObject({ count: 300, completed: 300 });
});

test("a job of a process that is held is interrupted, and its owner's late words are refused", async () => {
  const store = await open({ jobLeaseMs: 1000 });
  const { id: sessionId } = await store.openSession();
  const { id } = await store.queueJob({ sessionId, tool: "build_image", work: null });
  const owner = run("hold", url);
  await expect.poll(() => said(owner, "renewed"), { timeout: 30_000, interval: 5 }).toContain(id);
  const statusOf = async (): Promise<string> => (await store.getJob(id)).status;
  owner.child.kill("SIGSTOP");
  expect(await statusOf()).toBe("running");
  await expect.poll(statusOf, { timeout: 30_000 }).toBe("interrupted");
  owner.child.kill("SIGCONT");
  expect(await owner.ended).toBe(0);
  expect(owner.lines.at(-1)).toEqual({ refusal: "CONFLICT", late: "CONFLICT" });
  expect(await store.getJob(id)).toMatchObject({ status: "interrupted", outcome: null });
});

test("a job of a dead process shows as interrupted to whoever looks first", async () => {
  const victim = run("work", url);
  const { job } = await inMidWork(victim, 1);
  const store = await open();
  expect(await store.getJob(job.lease?.jobId ?? "")).toMatchObject({
    status: "running",
    progress: { message: "half" },
  });
  await kill(victim);
  expect(await store.listJobs({ active: true })).toEqual([]);
  expect(await store.getJob(job.lease?.jobId ?? "")).toMatchObject({ status: "interrupted", executionId: job.id });
});

test.each(["migrate.step", "migrate.end"])("a store of the first schema survives kill -9 at %s", async (failpoint) => {
  makeOldStore(folder);
  expect(await run("die", url, failpoint).ended).toBe("SIGKILL");
  const store = await open();
  await store.recoverInterrupted();
  expect(await store.statistics()).toMatchObject({ count: 7, completed: 3, interrupted: 2 });
  expect(await store.listJobs()).toHaveLength(3);
});

test("a deletion that was cut off after its promise is finished by the next recovery", async () => {
  const victim = run("delete", url, "journal.append.before");
  expect(await victim.ended).toBe("SIGKILL");
  const [id = ""] = said(victim, "session");
  const removed: string[] = [];
  const companion = { name: "notes", removeSession: async (session: string) => void removed.push(session) };
  const store = await open({ companions: [companion] });
  await expect(store.getSession(id)).rejects.toMatchObject({ code: "SESSION_NOT_FOUND" });
  expect(await store.history()).toHaveLength(1);
  await store.recoverInterrupted();
  await store.recoverInterrupted();
  expect(removed).toEqual([id]);
  expect(await store.history()).toEqual([]);
  expect(await store.statistics({ sessionId: id })).toMatchObject({ count: 0 });
  expect(readdirSync(path.join(folder, "sessions"))).toEqual([]);
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
