import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { aborted, expectNoTimers, rig, running } from "../../test/rig.ts";

const call = { tool: "copy_text", input: { text: "hello" } };
const untilStopped = () =>
  running((_input, { signal }) => aborted(signal).then(() => ({ text: "x" })), { deadlineMs: 1_000 });

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

test("a call that waits says so, is recorded, and runs when its turn comes", async () => {
  const { runtime, sessions } = rig([untilStopped()], { maxConcurrent: 1 });
  const first = new AbortController();
  const second = new AbortController();
  const heard: string[] = [];
  const one = runtime.execute({ ...call, signal: first.signal });
  const two = runtime.execute({ ...call, signal: second.signal, onProgress: ({ message }) => heard.push(message) });
  await vi.advanceTimersByTimeAsync(1);
  expect(runtime.status()).toMatchObject({ running: 1, waiting: 1 });
  expect(heard).toEqual(["waiting for its turn (running: 1, waiting: 1)"]);
  expect(sessions.executions).toHaveLength(2);
  first.abort();
  await one;
  await vi.advanceTimersByTimeAsync(1);
  second.abort();
  expect(await two).toMatchObject({ ok: true });
  expect(runtime.status()).toMatchObject({ running: 0, waiting: 0 });
});

test("a call that waits can be cancelled, and its tool never begins", async () => {
  let begun = 0;
  const { runtime } = rig(
    [
      running((_input, { signal }) => {
        begun += 1;
        return aborted(signal).then(() => ({ text: "x" }));
      }),
    ],
    { maxConcurrent: 1 },
  );
  const first = new AbortController();
  const second = new AbortController();
  const one = runtime.execute({ ...call, signal: first.signal });
  const two = runtime.execute({ ...call, signal: second.signal });
  await vi.advanceTimersByTimeAsync(1);
  second.abort();
  expect(await two).toMatchObject({ error: { code: "CANCELLED" } });
  first.abort();
  await one;
  expect(begun).toBe(1);
});

test("a call that nobody has a turn for is over when the tool's own time and grace would be", async () => {
  const { runtime } = rig([running(() => new Promise(() => {}), { deadlineMs: 5_500 })], { maxConcurrent: 1 });
  const busy = runtime.execute(call);
  await vi.advanceTimersByTimeAsync(1);
  const waiting = runtime.execute(call);
  await vi.advanceTimersByTimeAsync(30_000);
  expect(await busy).toMatchObject({ error: { code: "TOOL_TIMEOUT" } });
  expect(await waiting).toMatchObject({ error: { code: "TOOL_TIMEOUT" } });
  expectNoTimers();
});

test("without a place a call is OVERLOADED at once, says when to come back, and leaves no trace", async () => {
  const { runtime, sessions } = rig([untilStopped()], { maxConcurrent: 1, maxWaiting: 1 });
  const controller = new AbortController();
  const busy = [1, 2].map(() => runtime.execute({ ...call, signal: controller.signal }));
  expect(await runtime.execute(call)).toMatchObject({
    ok: false,
    sessionId: "",
    error: { code: "OVERLOADED", retryable: true, details: { retryAfterMs: 2_000 } },
  });
  await vi.advanceTimersByTimeAsync(1);
  controller.abort();
  await Promise.all(busy);
  expect(sessions.executions).toHaveLength(2);
  expect(runtime.status().refused).toBe(1);
  expect(await runtime.execute({ ...call, signal: AbortSignal.abort() })).toMatchObject({
    error: { code: "CANCELLED" },
  });
});

test("an execution may call tools although all turns are taken, also its own kind", async () => {
  const { runtime } = rig(
    [
      running(async (input, { executionId }) => {
        const depth = Number(input["times"]);
        if (depth === 0) return { text: "bottom" };
        const inner = { tool: "copy_text", input: { text: "x", times: depth - 1 }, parent: executionId };
        const outcome = await runtime.execute(inner);
        return { text: outcome.ok ? String(outcome.result["text"]) : outcome.error.code };
      }),
    ],
    { maxConcurrent: 1, maxWaiting: 0 },
  );
  expect(await runtime.execute({ tool: "copy_text", input: { text: "x", times: 5 } })).toMatchObject({
    ok: true,
    result: { text: "bottom" },
  });
});
