import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createSessionStore } from "@container-kit/session";
import type { SessionStore } from "@container-kit/session";
import { openStorage } from "@container-kit/storage";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createRuntime, definePlugin } from "../src/index.ts";
import type { Runtime, ToolDefinition, ToolProgress } from "../src/index.ts";
import { aborted, running, tool } from "./rig.ts";

interface Program {
  readonly runtime: Runtime;
  readonly sessions: SessionStore;
  close(): Promise<void>;
}

let folder = "";
let programs: Program[] = [];

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "atomic-runtime-"));
});

afterEach(async () => {
  for (const program of programs) await program.close();
  programs = [];
  await rm(folder, { recursive: true, force: true });
});

/** A runtime on real files, as a program would have it. */
async function start(
  definition: ToolDefinition,
  { now = Date.now, jobAfterMs = 30_000 }: { readonly now?: () => number; readonly jobAfterMs?: number } = {},
): Promise<Program> {
  const storage = await openStorage(`sqlite:${folder}/`);
  const sessions = createSessionStore(storage, { clock: now });
  const plugins = [definePlugin({ name: "test", version: "1.0.0", apiVersion: 1, tools: [definition] })];
  const runtime = createRuntime({ plugins, sessions, jobAfterMs });
  const program = {
    runtime,
    sessions,
    async close() {
      await runtime.close();
      await storage.close();
    },
  };
  programs.push(program);
  return program;
}

const call = (input: Record<string, unknown> = {}) => ({ tool: "copy_text", input: { text: "hello", ...input } });

test("a success, a failure and a cancellation are found in the session as they were answered", async () => {
  const { runtime, sessions } = await start(
    running(async (input, { signal }) => {
      if (input["text"] === "fail") throw new Error("boom");
      if (input["text"] === "wait") await aborted(signal).then(() => signal.throwIfAborted());
      return { text: "done" };
    }),
  );
  const first = await runtime.execute(call());
  const { sessionId } = first;
  const failed = await runtime.execute(call({ sessionId, text: "fail" }));
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 20);
  const cancelled = await runtime.execute({ ...call({ sessionId, text: "wait" }), signal: controller.signal });

  const session = await sessions.getSession(sessionId);
  expect(session.executions).toMatchObject([
    { id: first.executionId, status: "completed", result: { text: "done" }, input: { text: "hello", times: 1 } },
    { id: failed.executionId, status: "failed", error: { code: "INTERNAL", message: "boom" } },
    { id: cancelled.executionId, status: "cancelled", error: { code: "CANCELLED" } },
  ]);
  expect(session.executions.map((execution) => execution.correlationId)).toEqual([
    first.correlationId,
    failed.correlationId,
    cancelled.correlationId,
  ]);
});

test("a key's outcome is the same after a restart, and there is no second effect", async () => {
  let effects = 0;
  const definition = running(() => {
    effects += 1;
    return Promise.resolve({ text: `effect ${effects}` });
  });
  const before = await start(definition);
  const first = await before.runtime.execute(call({ idempotencyKey: "k" }));
  await before.close();
  const after = await start(definition);
  expect(await after.runtime.execute(call({ idempotencyKey: "k" }))).toEqual(first);
  expect(await after.runtime.execute(call({ idempotencyKey: "k", text: "other" }))).toMatchObject({
    error: { code: "CONFLICT" },
  });
  expect(effects).toBe(1);
});

test("a key that another runtime holds is waited for, and its outcome is the answer", async () => {
  const slow = await start(running((_input, { signal }) => aborted(signal).then(() => ({ text: "finished" }))));
  const other = await start(tool());
  const controller = new AbortController();
  const first = slow.runtime.execute({ ...call({ idempotencyKey: "k" }), signal: controller.signal });
  await expect.poll(async () => (await slow.sessions.history()).length).toBe(1);
  const heard: string[] = [];
  const onProgress = ({ message }: ToolProgress) => heard.push(message);
  const second = other.runtime.execute({ ...call({ idempotencyKey: "k" }), onProgress });
  await expect.poll(() => heard.length).toBeGreaterThan(0);
  expect(await other.runtime.execute(call({ idempotencyKey: "other" }))).toMatchObject({ ok: true });
  controller.abort();
  const outcome = await first;
  expect(outcome).toMatchObject({ ok: true, result: { text: "finished" } });
  expect(await second).toEqual(outcome);
  expect(heard).toEqual([`waiting for execution ${outcome.executionId}`]);
});

test("a call that does not wait is a job, whose whole outcome is found when it is done, also by another runtime", async () => {
  const { runtime } = await start(running((_input, { jobId }) => Promise.resolve({ text: String(jobId) })));
  const other = await start(tool());
  const answer = await runtime.execute(call({ wait: false }));
  expect(answer).toMatchObject({ ok: true, result: { status: "running" } });
  await runtime.jobsDone();
  expect(await other.sessions.getJob(answer.jobId ?? "")).toMatchObject({
    status: "completed",
    executionId: answer.executionId,
    outcome: { ok: true, executionId: answer.executionId, result: { text: answer.jobId } },
  });
});

test("a call that lasts becomes a job, which another runtime can stop", async () => {
  const untilStopped = running(async (_input, { signal }) => {
    await aborted(signal);
    throw signal.reason;
  });
  const { runtime, sessions } = await start(untilStopped, { jobAfterMs: 50 });
  const other = await start(tool());
  const { jobId = "" } = await runtime.execute(call());
  expect(await other.sessions.getJob(jobId)).toMatchObject({ status: "running" });
  await other.runtime.cancelJob(jobId);
  await runtime.jobsDone();
  expect(await sessions.getJob(jobId)).toMatchObject({
    status: "cancelled",
    outcome: { ok: false, error: { code: "CANCELLED", message: `job ${jobId} was cancelled` } },
  });
  await expect(other.runtime.cancelJob("job_none")).rejects.toMatchObject({ code: "JOB_NOT_FOUND" });
});

test("an expired session is SESSION_EXPIRED and an unknown one SESSION_NOT_FOUND, each with a remedy", async () => {
  let now = Date.now();
  const { runtime } = await start(tool(), { now: () => now });
  const { sessionId } = await runtime.execute(call());
  now += 25 * 60 * 60 * 1000;
  for (const [id, code] of [
    [sessionId, "SESSION_EXPIRED"],
    ["nope", "SESSION_NOT_FOUND"],
  ]) {
    const outcome = await runtime.execute(call({ sessionId: id }));
    expect(outcome).toMatchObject({ ok: false, error: { code, category: "session" } });
    expect(outcome.ok ? "" : outcome.error.remedy).not.toBe("");
  }
});

test("a durable tool's job ends with it, keeps its last progress and has a folder", async () => {
  let jobFolder = "";
  const { runtime, sessions } = await start(
    running(
      async (_input, context) => {
        jobFolder = await context.jobFolder();
        context.report({ message: "halfway", current: 1, total: 2 });
        return { text: "built" };
      },
      { durable: true },
    ),
  );
  const outcome = await runtime.execute(call());
  const { jobs } = await sessions.getSession(outcome.sessionId);
  expect(jobs).toMatchObject([
    {
      id: outcome.jobId,
      executionId: outcome.executionId,
      status: "completed",
      progress: { message: "halfway", current: 1, total: 2 },
    },
  ]);
  expect((await stat(jobFolder)).isDirectory()).toBe(true);
});
