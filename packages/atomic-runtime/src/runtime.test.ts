import { setTimeout as sleep } from "node:timers/promises";
import { defineErrors } from "@container-kit/errors";
import { createRedactor, Secret } from "@container-kit/observability";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { z } from "zod";
import { aborted, expectNoTimers, forever, rig, running, tool } from "../test/rig.ts";
import { executeWithoutProgress, executeWithProgress } from "./index.ts";
import type { ToolContext } from "./index.ts";

const fail = defineErrors({
  IMAGE_NOT_FOUND: {
    category: "registry",
    summary: "No such image.",
    remedy: "Check the reference.",
    retryable: false,
    fault: "caller",
  },
});
const call = { tool: "copy_text", input: { text: "hello" } };

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

test("a success has every field of the contract", async () => {
  const { runtime } = rig([
    running(
      async () => {
        await vi.advanceTimersByTimeAsync(120);
        return { text: "hello" };
      },
      { next: (result) => [{ tool: "copy_text", reason: "again", arguments: { text: result["text"] } }] },
    ),
  ]);
  expect(await runtime.execute({ ...call, correlationId: "c1" })).toEqual({
    ok: true,
    tool: "copy_text",
    sessionId: "s1",
    executionId: "e1",
    correlationId: "c1",
    dryRun: false,
    durationMs: 120,
    result: { text: "hello" },
    next: [{ tool: "copy_text", reason: "again", arguments: { sessionId: "s1", text: "hello" } }],
  });
});

test("a failure carries the tool's code, remedy, stage, details and last output", async () => {
  const { runtime, sessions } = rig([
    running(() =>
      Promise.reject(
        fail("IMAGE_NOT_FOUND", "app:1 is not in r", {
          stage: "pull",
          details: { reference: "app:1" },
          logTail: "404",
        }),
      ),
    ),
  ]);
  const outcome = await runtime.execute({ ...call, correlationId: "c1" });
  const error = {
    code: "IMAGE_NOT_FOUND",
    category: "registry",
    message: "app:1 is not in r",
    remedy: "Check the reference.",
    retryable: false,
    stage: "pull",
    details: { reference: "app:1" },
    logTail: "404",
  };
  expect(outcome).toEqual({
    ok: false,
    tool: "copy_text",
    sessionId: "s1",
    executionId: "e1",
    correlationId: "c1",
    durationMs: 0,
    error,
  });
  expect(sessions.executions[0]?.end).toEqual({ status: "failed", error });
});

test("the record begins before the effect and is ended before the answer", async () => {
  const order: string[] = [];
  const { runtime, sessions } = rig([
    running(() => {
      order.push(sessions.executions[0]?.end === undefined ? "effect" : "too late");
      return Promise.resolve({ text: "x" });
    }),
  ]);
  const { startExecution, endExecution } = sessions;
  sessions.startExecution = async (start) => {
    const started = await startExecution(start);
    order.push("begun");
    return started;
  };
  sessions.endExecution = async (id, end) => {
    await endExecution(id, end);
    order.push("ended");
  };
  await runtime.execute(call);
  order.push("answered");
  expect(order).toEqual(["begun", "effect", "ended", "answered"]);
});

test("a call without a session opens one, and a call with one continues it", async () => {
  const { runtime, sessions } = rig([tool()]);
  const first = await runtime.execute(call);
  const second = await runtime.execute({ ...call, input: { ...call.input, sessionId: first.sessionId } });
  expect([first.sessionId, second.sessionId]).toEqual(["s1", "s1"]);
  expect(sessions.executions.map((execution) => execution.sessionId)).toEqual(["s1", "s1"]);
});

test("a session that does not exist is the store's failure, and the tool does not run", async () => {
  const run = vi.fn();
  const { runtime } = rig([tool({ run })]);
  const outcome = await runtime.execute({ ...call, input: { ...call.input, sessionId: "nope" } });
  expect(outcome).toMatchObject({ ok: false, sessionId: "", executionId: "", error: { code: "SESSION_NOT_FOUND" } });
  expect(run).not.toHaveBeenCalled();
});

test("a dry run is told to the tool, the record and the caller, and suggests nothing to do next", async () => {
  const seen: boolean[] = [];
  const { runtime, sessions } = rig([
    running(
      (_input, { dryRun }) => {
        seen.push(dryRun);
        return Promise.resolve({ text: "would copy" });
      },
      { next: () => [{ tool: "copy_text", reason: "again", arguments: {} }] },
    ),
  ]);
  const outcome = await runtime.execute({ ...call, input: { ...call.input, dryRun: true } });
  expect(outcome).toMatchObject({ ok: true, dryRun: true, next: [] });
  expect(seen).toEqual([true]);
  expect(sessions.executions[0]).toMatchObject({ dryRun: true, end: { status: "completed" } });
});

test("a durable tool is a job, and its folder is the job's", async () => {
  let folder = "";
  const { runtime, sessions } = rig([
    running(
      async (_input, context) => {
        folder = await context.jobFolder();
        return { text: String(context.jobId) };
      },
      { durable: true },
    ),
  ]);
  expect(await runtime.execute(call)).toMatchObject({ ok: true, jobId: "j1", result: { text: "j1" } });
  expect(sessions.executions[0]?.job).toBe(true);
  expect(folder).toBe("/jobs/j1");
});

test("a tool that is not durable has no job and no folder", async () => {
  const { runtime, log } = rig([running((_input, context) => context.jobFolder().then((text) => ({ text })))]);
  const outcome = await runtime.execute(call);
  expect(outcome).toMatchObject({ ok: false, error: { code: "INTERNAL" } });
  expect(outcome.jobId).toBeUndefined();
  expect(log).toContainEqual(expect.objectContaining({ level: "error", error: expect.any(TypeError) }));
});

test("a foreign error is INTERNAL with its message redacted; its stack is in the log and nowhere else", async () => {
  const { runtime, sessions, log } = rig([
    running(() => {
      throw new RangeError("no DB_PASSWORD=hunter22 here");
    }),
  ]);
  const outcome = await runtime.execute(call);
  expect(outcome).toMatchObject({ error: { code: "INTERNAL", message: "no DB_PASSWORD=[redacted] here" } });
  expect(JSON.stringify([outcome, sessions.executions])).not.toMatch(/hunter22|runtime\.test/);
  expect(log).toContainEqual(expect.objectContaining({ level: "error", error: expect.any(RangeError) }));
});

test("a secret across the place where an error is cut leaves no half behind", async () => {
  const redactor = createRedactor();
  redactor.learn(new Secret("correct-horse-battery"));
  const secret = "correct-horse-battery";
  const tool = running(() => {
    throw fail("IMAGE_NOT_FOUND", `${"x".repeat(3990)}${secret} and more`, {
      logTail: `${secret}${"y".repeat(15_990)}`,
    });
  });
  const { runtime } = rig([tool], { redactor });
  expect(JSON.stringify(await runtime.execute(call))).not.toMatch(/correct|horse|battery/);
});

test.each<[string, () => Promise<never>]>([
  ["undefined", () => Promise.reject()],
  ["a text", () => Promise.reject("just text")],
  ["an error whose message throws", () => Promise.reject(hostileError())],
  ["a proxy that throws", () => Promise.reject(hostileProxy())],
])("a rejection with %s is INTERNAL and the next call works", async (_what, reject) => {
  let first = true;
  const { runtime } = rig([
    running(() => {
      if (!first) return Promise.resolve({ text: "fine" });
      first = false;
      return reject();
    }),
  ]);
  expect(await runtime.execute(call)).toMatchObject({ ok: false, executionId: "e1", error: { code: "INTERNAL" } });
  expect(await runtime.execute(call)).toMatchObject({ ok: true });
});

function hostileError(): Error {
  return Object.defineProperty(new Error("x"), "message", {
    get: trap,
  });
}

function trap(): never {
  throw new Error("trap");
}

function hostileProxy(): unknown {
  return new Proxy({}, { get: trap, has: trap, ownKeys: trap, getPrototypeOf: trap });
}

test("an error's details that are not plain JSON are left out, the rest stays", async () => {
  const circular: Record<string, unknown> = {};
  circular["self"] = circular;
  const { runtime } = rig([running(() => Promise.reject(fail("IMAGE_NOT_FOUND", "gone", { details: circular })))]);
  const outcome = await runtime.execute(call);
  expect(outcome).toMatchObject({ error: { code: "IMAGE_NOT_FOUND", message: "gone" } });
  expect(outcome).not.toHaveProperty("error.details");
});

test("closing interrupts what runs, waits until that is recorded and refuses what comes", async () => {
  const { runtime, sessions } = rig([
    running(async (_input, { signal }) => {
      await aborted(signal);
      throw signal.reason;
    }),
  ]);
  const outcome = runtime.execute(call);
  await vi.advanceTimersByTimeAsync(10);
  await runtime.close();
  expect(sessions.executions[0]?.end).toMatchObject({ status: "cancelled", error: { code: "INTERRUPTED" } });
  expect(await outcome).toMatchObject({ ok: false, error: { code: "INTERRUPTED", retryable: true } });
  expect(await runtime.execute(call)).toMatchObject({ ok: false, error: { code: "INTERRUPTED" } });
  expectNoTimers();
});

test("closing twice is closing once, and closing an idle runtime is immediate", async () => {
  const { runtime } = rig([tool()]);
  await Promise.all([runtime.close(), runtime.close()]);
  await runtime.close();
});

test("closing does not wait for ever for a tool that ignores its signal", async () => {
  const { runtime, sessions } = rig([running(() => forever())]);
  const outcome = runtime.execute(call);
  await vi.advanceTimersByTimeAsync(10);
  const closed = runtime.close();
  await vi.advanceTimersByTimeAsync(5_000);
  await closed;
  expect(await outcome).toMatchObject({ error: { code: "INTERRUPTED", details: { stopped: false } } });
  expect(sessions.executions[0]?.end).toMatchObject({ status: "failed" });
});

test("with progress each step reaches the receiver, without progress none does", async () => {
  const { runtime } = rig([
    running((_input, { report }) => {
      report({ message: "one" });
      report({ message: "two", done: true });
      return Promise.resolve({ text: "x" });
    }),
  ]);
  const seen: string[] = [];
  await executeWithProgress(runtime, call, ({ message }) => seen.push(message));
  expect(seen).toEqual(["one", "two"]);
  await executeWithoutProgress(runtime, { ...call, onProgress: ({ message }) => seen.push(message) });
  expect(seen).toEqual(["one", "two"]);
});

test("the listener on a caller's signal is gone when the call is", async () => {
  const { runtime } = rig([tool()]);
  const { signal } = new AbortController();
  const removed = vi.spyOn(signal, "removeEventListener");
  await runtime.execute({ ...call, signal });
  expect(removed).toHaveBeenCalledTimes(1);
});

test("thirty-two calls at once keep their contexts apart", async () => {
  vi.useRealTimers();
  const contexts: ToolContext[] = [];
  const { runtime } = rig([
    running(async (input, context) => {
      contexts.push(context);
      await sleep(Math.random() * 5);
      return { text: `${String(input["text"])} ${context.executionId}` };
    }),
  ]);
  const outcomes = await Promise.all(
    Array.from({ length: 32 }, (_, index) => runtime.execute({ tool: "copy_text", input: { text: `t${index}` } })),
  );
  expect(outcomes.map((outcome) => outcome.ok && outcome.result["text"])).toEqual(
    outcomes.map((outcome, index) => `t${index} ${outcome.executionId}`),
  );
  expect(new Set(contexts.map((context) => context.signal)).size).toBe(32);
});

test("a tool that wants no input is called with none", async () => {
  const { runtime } = rig([tool({ input: z.object({}), run: () => Promise.resolve({ text: "none" }) })]);
  expect(await runtime.execute({ tool: "copy_text", input: undefined })).toMatchObject({ ok: true });
});
