import { defineErrors } from "@container-kit/errors";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { aborted, expectNoTimers, forever, rig, running } from "../../test/rig.ts";
import type { ToolOutcome } from "../index.ts";
import { deferred } from "../internal/deferred.ts";

const fail = defineErrors({
  CANCELLED: { category: "runtime", summary: "x", remedy: "y", retryable: false, fault: "caller" },
  PUSH_UNVERIFIED: { category: "registry", summary: "x", remedy: "y", retryable: false, fault: "environment" },
});
const call = { tool: "copy_text", input: { text: "hello" } };

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

/** When, in milliseconds from now, a call is answered. */
async function timed(
  outcome: Promise<ToolOutcome>,
  waitMs: number,
): Promise<{ outcome: ToolOutcome; afterMs: number }> {
  const startedAt = Date.now();
  const afterMs = outcome.then(() => Date.now() - startedAt);
  await vi.advanceTimersByTimeAsync(waitMs);
  return { outcome: await outcome, afterMs: await afterMs };
}

test("at its deadline a tool is told to stop and the call is TOOL_TIMEOUT", async () => {
  const { runtime, sessions } = rig([
    running((_input, { signal }) => aborted(signal).then(() => Promise.reject(signal.reason)), { deadlineMs: 2_000 }),
  ]);
  const { outcome, afterMs } = await timed(runtime.execute(call), 3_000);
  expect(outcome).toMatchObject({
    ok: false,
    error: { code: "TOOL_TIMEOUT", retryable: true, message: "copy_text did not finish within 2 s" },
  });
  expect(afterMs).toBe(2_000);
  expect(sessions.executions[0]?.end).toMatchObject({ status: "failed", error: { code: "TOOL_TIMEOUT" } });
});

test("without a deadline of its own a tool has sixty seconds", async () => {
  const { runtime } = rig([running((_input, { signal }) => aborted(signal).then(() => Promise.reject(signal.reason)))]);
  expect((await timed(runtime.execute({ ...call, mayDetach: false }), 70_000)).afterMs).toBe(60_000);
});

test("a tool that ignores its deadline is answered for one second later, and its late result is dropped and logged", async () => {
  const late = deferred<{ text: string }>();
  const { runtime, sessions, log } = rig([running(() => late.promise, { deadlineMs: 500 })]);
  const { outcome, afterMs } = await timed(runtime.execute(call), 2_000);
  expect(outcome).toMatchObject({ error: { code: "TOOL_TIMEOUT", details: { stopped: false } } });
  expect(afterMs).toBe(1_500);
  late.resolve({ text: "late" });
  await vi.advanceTimersByTimeAsync(0);
  expect(sessions.executions[0]?.end).toMatchObject({ status: "failed", error: { code: "TOOL_TIMEOUT" } });
  expect(log).toContainEqual(expect.objectContaining({ level: "warn", ok: true }));
});

test("a late rejection is dropped and logged, and does not end the process", async () => {
  const late = deferred<Promise<{ text: string }>>();
  const { runtime, log } = rig([running(async () => await late.promise, { deadlineMs: 500 })]);
  await timed(runtime.execute(call), 2_000);
  late.resolve(Promise.reject(new Error("late")));
  await vi.advanceTimersByTimeAsync(0);
  expect(log).toContainEqual(expect.objectContaining({ level: "warn", ok: false, code: "TOOL_TIMEOUT" }));
  expect(log).toContainEqual(expect.objectContaining({ level: "debug", error: new Error("late") }));
});

test("a cancellation reaches the tool at once, and the call is CANCELLED and recorded so", async () => {
  let sawAbortAt = -1;
  const { runtime, sessions } = rig([
    running(async (_input, { signal }) => {
      await aborted(signal);
      sawAbortAt = Date.now();
      throw new DOMException("This operation was aborted", "AbortError");
    }),
  ]);
  const controller = new AbortController();
  const outcome = runtime.execute({ ...call, signal: controller.signal });
  await vi.advanceTimersByTimeAsync(100);
  const cancelledAt = Date.now();
  controller.abort();
  expect(await outcome).toMatchObject({ ok: false, error: { code: "CANCELLED", retryable: false } });
  expect(sawAbortAt).toBe(cancelledAt);
  expect(sessions.executions[0]?.end).toMatchObject({ status: "cancelled", error: { code: "CANCELLED" } });
  expectNoTimers();
});

test("a cancelled tool has its grace to wind up, and is CANCELLED when it has", async () => {
  const { runtime } = rig([
    running(async (_input, { signal }) => {
      await aborted(signal);
      await new Promise((resolve) => setTimeout(resolve, 4_000));
      throw fail("CANCELLED", "the engine stopped the build", { logTail: "step 3", stage: "build" });
    }),
  ]);
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 500);
  const { outcome, afterMs } = await timed(runtime.execute({ ...call, signal: controller.signal }), 6_000);
  expect(outcome).toMatchObject({
    error: {
      code: "CANCELLED",
      message: "copy_text was cancelled by its caller",
      logTail: "step 3",
      stage: "build",
    },
  });
  expect(afterMs).toBe(4_500);
});

test("a cancelled tool that does not stop is answered for after five seconds, and that it runs on is said and recorded", async () => {
  const { runtime, sessions } = rig([running(() => forever())]);
  const controller = new AbortController();
  const outcome = runtime.execute({ ...call, signal: controller.signal });
  await vi.advanceTimersByTimeAsync(10);
  controller.abort();
  const { afterMs } = await timed(outcome, 6_000);
  expect(afterMs).toBe(5_000);
  expect(await outcome).toMatchObject({
    error: {
      code: "CANCELLED",
      message: "copy_text was cancelled by its caller; it was told to stop and has not stopped yet",
      details: { stopped: false },
    },
  });
  expect(sessions.executions[0]?.end).toMatchObject({ status: "failed", error: { code: "CANCELLED" } });
});

test("a cancellation just before the deadline does not lengthen the wait beyond a second after it", async () => {
  const { runtime } = rig([running(() => forever(), { deadlineMs: 1_000 })]);
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 900);
  const { outcome, afterMs } = await timed(runtime.execute({ ...call, signal: controller.signal }), 6_000);
  expect(afterMs).toBe(2_000);
  expect(outcome).toMatchObject({ error: { code: "CANCELLED" } });
});

test("a tool that finishes although it was cancelled is done, not cancelled", async () => {
  const { runtime, sessions } = rig([
    running((_input, { signal }) => aborted(signal).then(() => ({ text: "pushed anyway" }))),
  ]);
  const controller = new AbortController();
  const outcome = runtime.execute({ ...call, signal: controller.signal });
  await vi.advanceTimersByTimeAsync(1);
  controller.abort();
  expect(await outcome).toMatchObject({ ok: true, result: { text: "pushed anyway" } });
  expect(sessions.executions[0]?.end).toMatchObject({ status: "completed" });
});

test("a cancellation that comes while the end is being recorded changes nothing and leaves no timer", async () => {
  const { runtime, sessions } = rig([running(() => Promise.resolve({ text: "done" }))]);
  const controller = new AbortController();
  const { endExecution } = sessions;
  sessions.endExecution = async (id, end) => {
    controller.abort();
    await endExecution(id, end);
  };
  expect(await runtime.execute({ ...call, signal: controller.signal })).toMatchObject({ ok: true });
  expect(sessions.executions[0]?.end).toMatchObject({ status: "completed" });
  expectNoTimers();
});

test("a tool that fails with a code of its own while it is cancelled keeps that code", async () => {
  const { runtime } = rig([
    running((_input, { signal }) =>
      aborted(signal).then(() => Promise.reject(fail("PUSH_UNVERIFIED", "sent, but not read back"))),
    ),
  ]);
  const controller = new AbortController();
  const outcome = runtime.execute({ ...call, signal: controller.signal });
  await vi.advanceTimersByTimeAsync(1);
  controller.abort();
  expect(await outcome).toMatchObject({ error: { code: "PUSH_UNVERIFIED", message: "sent, but not read back" } });
});

test("a call that was cancelled before it began never begins its tool", async () => {
  const run = vi.fn();
  const { runtime, sessions } = rig([running(run)]);
  expect(await runtime.execute({ ...call, signal: AbortSignal.abort() })).toMatchObject({
    ok: false,
    error: { code: "CANCELLED" },
  });
  expect(run).not.toHaveBeenCalled();
  expect(sessions.executions[0]?.end).toMatchObject({ status: "cancelled" });
});

test("cancelled at fifty moments, an effect and the word cancelled never come together", async () => {
  for (let moment = 0; moment < 50; moment++) {
    let effect = false;
    const { runtime, sessions } = rig([
      running(async (_input, { signal }) => {
        for (let step = 0; step < 10; step++) {
          await new Promise((resolve) => setTimeout(resolve, 2));
          signal.throwIfAborted();
        }
        effect = true;
        await new Promise((resolve) => setTimeout(resolve, 5));
        return { text: "done" };
      }),
    ]);
    const controller = new AbortController();
    setTimeout(() => controller.abort(), moment / 2);
    const outcome = runtime.execute({ ...call, signal: controller.signal });
    await vi.advanceTimersByTimeAsync(100);
    expect((await outcome).ok, `cancelled at ${moment / 2} ms`).toBe(effect);
    expect(sessions.executions[0]?.end?.status).toBe(effect ? "completed" : "cancelled");
  }
});
