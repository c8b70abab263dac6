import { readdirSync, statSync } from "node:fs";
import path from "node:path";
import type { ErrorResult } from "@container-kit/errors";
import { openStorage } from "@container-kit/storage";
import type { Storage } from "@container-kit/storage";
import { afterEach, beforeEach, expect, test } from "vitest";
import { tempFolder } from "../test/temp-folder.ts";
import { createSessionStore, sessionErrors } from "./index.ts";
import type { SessionStore, StartedExecution } from "./index.ts";
import { executionEnds } from "./tables.ts";

const HOUR = 60 * 60 * 1000;
const failure: ErrorResult = {
  code: "AUTH_FAILED",
  category: "registry",
  message: "the registry refused the password",
  retryable: false,
  remedy: "Sign in.",
};

let folder: string;
let storage: Storage;
let store: SessionStore;
let now: number;

beforeEach(async () => {
  now = Date.UTC(2026, 0, 1);
  folder = tempFolder();
  await reopen();
});

afterEach(() => storage.close());

async function reopen(): Promise<void> {
  await storage?.close();
  storage = await openStorage(`sqlite:${folder}/`);
  store = createSessionStore(storage, { clock: () => now });
}

function start(sessionId: string, options: { tool?: string; job?: boolean } = {}): Promise<StartedExecution> {
  const { tool = "push_image", job = false } = options;
  return store.startExecution({ sessionId, tool, correlationId: "cor_1", dryRun: true, input: { image: "a:1" }, job });
}

test("the codes are as the contract has them", () => {
  expect(Object.keys(sessionErrors)).toEqual(["SESSION_NOT_FOUND", "SESSION_EXPIRED", "JOB_NOT_FOUND"]);
});

test("an opened session is there after the store was closed and opened again", async () => {
  const session = await store.openSession();
  expect(session).toEqual({ id: session.id, createdAt: now, lastUsedAt: now, expiresAt: now + 24 * HOUR });
  await reopen();
  expect(await store.getSession(session.id)).toEqual({ ...session, jobs: [], executions: [], errors: [] });
  expect(store.location).toBe(path.join(folder, "state.db"));
});

test.each(["ses_unknown", "", "x".repeat(100_000), "'; DROP TABLE sessions; --"])(
  "no session is found under %.20j",
  async (id) => {
    const refusal = { code: "SESSION_NOT_FOUND", message: expect.not.stringMatching(/.{200}/) as unknown };
    await expect(store.touchSession(id)).rejects.toMatchObject(refusal);
    await expect(store.getSession(id)).rejects.toMatchObject(refusal);
  },
);

test("a session expires 24 h after its last use, not after its first, and can still be read then", async () => {
  const { id } = await store.openSession();
  now += 23 * HOUR;
  expect(await store.touchSession(id)).toMatchObject({ lastUsedAt: now, expiresAt: now + 24 * HOUR });
  now += 24 * HOUR - 1;
  await store.touchSession(id);
  now += 24 * HOUR;
  await expect(store.touchSession(id)).rejects.toMatchObject({ code: "SESSION_EXPIRED" });
  expect(await store.getSession(id)).toMatchObject({ id, lastUsedAt: now - 24 * HOUR });
  await reopen();
  await expect(store.touchSession(id)).rejects.toMatchObject({ code: "SESSION_EXPIRED" });
});

test("a clock that goes back takes nothing from a session", async () => {
  const { id, lastUsedAt } = await store.openSession();
  now -= HOUR;
  expect(await store.touchSession(id)).toMatchObject({ lastUsedAt });
  expect(await store.getSession(id)).toMatchObject({ lastUsedAt });
});

test("sessions are listed with the newest use first, in pages", async () => {
  const ids: string[] = [];
  for (let index = 0; index < 3; index += 1) {
    ids.push((await store.openSession()).id);
    now += 1;
  }
  const [first = "", second = "", third = ""] = ids;
  await store.touchSession(first);
  const listed = await store.listSessions();
  expect(listed.map(({ id }) => id)).toEqual([first, third, second]);
  const page = await store.listSessions({ limit: 1, before: listed[0]?.lastUsedAt ?? 0 });
  expect(page.map(({ id }) => id)).toEqual([third]);
  expect(await store.listSessions({ before: 0 })).toEqual([]);
});

test("a summary counts executions and failures and names the last tool", async () => {
  const { id } = await store.openSession();
  const build = await start(id, { tool: "build_image" });
  await store.endExecution(build.id, { status: "completed", result: {} });
  const push = await start(id, { tool: "push_image" });
  await store.endExecution(push.id, { status: "failed", error: failure });
  await start(id, { tool: "tag_image" });
  expect(await store.listSessions()).toMatchObject([{ id, executions: 3, failures: 1, lastTool: "tag_image" }]);
  const other = await store.openSession();
  expect(await store.listSessions({ limit: 5 })).toContainEqual({
    ...other,
    executions: 0,
    failures: 0,
    lastTool: null,
  });
});

test("executions are kept in order with input, outcome and duration", async () => {
  const { id: sessionId } = await store.openSession();
  const completed = await start(sessionId);
  now += 120;
  await store.endExecution(completed.id, { status: "completed", result: { digest: "sha256:1" } });
  const failed = await start(sessionId);
  now += 30;
  await store.endExecution(failed.id, { status: "failed", error: failure });
  const cancelled = await start(sessionId);
  await store.endExecution(cancelled.id, { status: "cancelled", error: { ...failure, code: "CANCELLED" } });
  const running = await start(sessionId);
  const common = {
    sessionId,
    jobId: null,
    tool: "push_image",
    correlationId: "cor_1",
    dryRun: true,
    input: { image: "a:1" },
  };
  const details = await store.getSession(sessionId);
  expect(details.executions).toEqual([
    {
      ...common,
      ...completed,
      status: "completed",
      result: { digest: "sha256:1" },
      error: null,
      endedAt: now - 30,
      durationMs: 120,
    },
    { ...common, ...failed, status: "failed", result: null, error: failure, endedAt: now, durationMs: 30 },
    {
      ...common,
      ...cancelled,
      status: "cancelled",
      result: null,
      error: { ...failure, code: "CANCELLED" },
      endedAt: now,
      durationMs: 0,
    },
    { ...common, ...running, status: "running", result: null, error: null, endedAt: null, durationMs: null },
  ]);
  expect(details.errors).toEqual([
    { executionId: failed.id, sessionId, tool: "push_image", code: "AUTH_FAILED", message: failure.message, at: now },
    { executionId: cancelled.id, sessionId, tool: "push_image", code: "CANCELLED", message: failure.message, at: now },
  ]);
});

test("the first end of an execution stays", async () => {
  const { id: sessionId } = await store.openSession();
  const { id } = await start(sessionId, { job: true });
  await store.endExecution(id, { status: "completed", result: 1 });
  await store.endExecution(id, { status: "failed", error: failure });
  const { executions, jobs } = await store.getSession(sessionId);
  expect(executions).toMatchObject([{ status: "completed", result: 1, error: null }]);
  expect(jobs).toMatchObject([{ status: "completed" }]);
});

test("an end without a beginning is a mistake of ours and said so", async () => {
  const end = { status: "completed", result: null } as const;
  await expect(store.endExecution("exe_1", end)).rejects.toThrow(TypeError);
  await expect(store.endExecution("no id", end)).rejects.toThrow(TypeError);
});

test("a clock that goes back makes no negative duration", async () => {
  const { id: sessionId } = await store.openSession();
  const { id } = await start(sessionId);
  now -= HOUR;
  await store.endExecution(id, { status: "completed", result: null });
  expect((await store.getSession(sessionId)).executions).toMatchObject([{ durationMs: 0 }]);
});

test("a job begins and ends with its execution and keeps its last progress", async () => {
  const { id: sessionId } = await store.openSession();
  const { id: executionId, jobId, startedAt } = await start(sessionId, { job: true });
  const job = { id: jobId, sessionId, executionId, tool: "push_image", startedAt };
  expect((await store.getSession(sessionId)).jobs).toEqual([
    { ...job, status: "running", progress: null, endedAt: null },
  ]);
  await store.reportProgress(jobId ?? "", { message: "layer 1", current: 1, total: 4 });
  const progress = { message: "layer 2", current: 2.5, total: null };
  await store.reportProgress(jobId ?? "", progress);
  expect((await store.getSession(sessionId)).jobs).toMatchObject([{ status: "running", progress }]);
  await store.reportProgress(jobId ?? "", { message: "done", current: null, total: null });
  now += 5;
  await store.endExecution(executionId, { status: "failed", error: failure });
  await store.reportProgress(jobId ?? "", { message: "too late", current: null, total: null });
  expect((await store.getSession(sessionId)).jobs).toEqual([
    { ...job, status: "failed", progress: { message: "done", current: null, total: null }, endedAt: now },
  ]);
});

test("a job that cannot be recorded fails its execution", async () => {
  // A job belongs to a session that is there; the state file refuses any other.
  await expect(start("ses_nobody", { job: true })).rejects.toThrow(/FOREIGN KEY/);
  const ends = storage.record.statements.select({ status: executionEnds.status }).from(executionEnds).all();
  expect(ends).toEqual([{ status: "failed" }]);
});

test("a job's folder is made when asked for, for this user alone", async () => {
  const { id: sessionId } = await store.openSession();
  const { jobId } = await start(sessionId, { job: true });
  expect(readdirSync(folder)).not.toContain("jobs");
  const made = await store.jobFolder(jobId ?? "");
  expect(made).toBe(path.join(folder, "jobs", jobId ?? ""));
  expect(await store.jobFolder(jobId ?? "")).toBe(made);
  for (const each of [made, path.dirname(made)]) expect((statSync(each).mode & 0o777).toString(8)).toBe("700");
  await expect(store.jobFolder("../../outside")).rejects.toMatchObject({ code: "JOB_NOT_FOUND" });
});

test("an input and a result that are too long are replaced by what says so", async () => {
  const { id: sessionId } = await store.openSession();
  const long = "x".repeat(300_000);
  const { id } = await store.startExecution({
    sessionId,
    tool: "t",
    correlationId: "c",
    dryRun: false,
    input: long,
    job: false,
  });
  await store.endExecution(id, { status: "completed", result: { long } });
  expect((await store.getSession(sessionId)).executions).toMatchObject([
    { input: { omitted: /longer/ as unknown, characters: 300_002 }, result: { omitted: /longer/ as unknown } },
  ]);
});

test("two stores of one file make different executions in the same instant", async () => {
  const second = await openStorage(`sqlite:${folder}/`);
  const other = createSessionStore(second, { clock: () => now });
  const { id: sessionId } = await store.openSession();
  const execution = { sessionId, tool: "t", correlationId: "c", dryRun: false, input: null, job: false };
  const started = await Promise.all(
    Array.from({ length: 200 }, (_, index) => (index % 2 === 0 ? store : other).startExecution(execution)),
  );
  expect(new Set(started.map(({ id }) => id)).size).toBe(200);
  expect((await store.getSession(sessionId)).executions).toHaveLength(200);
  await second.close();
});
