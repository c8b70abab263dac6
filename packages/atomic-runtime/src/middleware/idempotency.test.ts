import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { aborted, expectNoTimers, forever, rig, running, tool } from "../../test/rig.ts";
import type { Rig } from "../../test/rig.ts";
import type { ToolOutcome } from "../index.ts";
import { deferred } from "../internal/deferred.ts";

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

interface Counting extends Rig {
  readonly effects: string[];
  call(input?: Record<string, unknown>, signal?: AbortSignal): Promise<ToolOutcome>;
}

/** A tool that takes ten milliseconds and counts its effects. */
function counting(fails: (effect: number) => boolean = () => false): Counting {
  const effects: string[] = [];
  const made = rig([
    running(async (input, { signal, dryRun }) => {
      const text = String(input["text"]);
      if (!dryRun) effects.push(text);
      const effect = effects.length;
      await new Promise((resolve) => setTimeout(resolve, 10));
      signal.throwIfAborted();
      if (fails(effect)) throw new Error("not this time");
      return { text: `${text} ${effect}` };
    }),
  ]);
  return {
    ...made,
    effects,
    async call(input = {}, signal) {
      const outcome = made.runtime.execute({
        tool: "copy_text",
        input: { text: "a", idempotencyKey: "k1", ...input },
        ...(signal === undefined ? {} : { signal }),
      });
      await vi.advanceTimersByTimeAsync(50);
      return outcome;
    },
  };
}

test("a repeated call returns the first outcome, execution id included, without a second effect", async () => {
  const { call, effects, sessions } = counting();
  const first = await call();
  const second = await call();
  expect(second).toEqual(first);
  expect(second).toMatchObject({ ok: true, executionId: "e1", result: { text: "a 1" } });
  expect(effects).toEqual(["a"]);
  expect(sessions.executions[1]?.end).toEqual({ status: "completed", result: { replayOf: "e1" } });
});

test("calls at the same time have one effect and one outcome", async () => {
  const { call, effects } = counting();
  const outcomes = await Promise.all(Array.from({ length: 8 }, () => call()));
  expect(effects).toEqual(["a"]);
  expect(new Set(outcomes.map((outcome) => JSON.stringify(outcome))).size).toBe(1);
});

test("the order of fields and the session do not make another input", async () => {
  const { call, effects } = counting();
  const { sessionId } = await call({ text: "a", times: 1 });
  expect(await call({ times: 1, sessionId, text: "a" })).toMatchObject({ ok: true, executionId: "e1" });
  expect(effects).toEqual(["a"]);
});

test("the same key with another input is CONFLICT, later and at the same time", async () => {
  const { call, effects } = counting();
  const [, during] = await Promise.all([call(), call({ text: "b" })]);
  const after = await call({ text: "c" });
  for (const outcome of [during, after]) {
    expect(outcome).toMatchObject({
      ok: false,
      error: { code: "CONFLICT", remedy: expect.stringContaining("new idempotencyKey") },
    });
  }
  expect(effects).toEqual(["a"]);
});

test("a failed call gives its key up, also for other input", async () => {
  const { call, effects } = counting((effect) => effect === 1);
  expect(await call()).toMatchObject({ ok: false, error: { code: "INTERNAL" } });
  expect(await call({ text: "b" })).toMatchObject({ ok: true, result: { text: "b 2" } });
  expect(effects).toEqual(["a", "b"]);
});

test("when the first of two calls at once fails, the second makes its own attempt", async () => {
  const { call, effects } = counting((effect) => effect === 1);
  const [first, second] = await Promise.all([call(), call()]);
  expect(first).toMatchObject({ ok: false });
  expect(second).toMatchObject({ ok: true, executionId: "e2" });
  expect(effects).toEqual(["a", "a"]);
});

test("one who waits for another's effect may be cancelled without harm to it", async () => {
  const { call, effects } = counting();
  const controller = new AbortController();
  const first = call();
  const second = call({}, controller.signal);
  controller.abort();
  expect(await second).toMatchObject({ ok: false, error: { code: "CANCELLED" } });
  expect(await first).toMatchObject({ ok: true });
  expect(effects).toEqual(["a"]);
});

test("a key that another process holds is waited for, and the outcome is that one's", async () => {
  const { runtime, sessions, effects } = counting();
  const outcome = { ok: true, tool: "copy_text", executionId: "e99", result: { text: "there" } };
  let looks = 0;
  sessions.claimIdempotencyKey = () => {
    looks += 1;
    return Promise.resolve(looks < 10 ? { state: "pending", executionId: "e99" } : { state: "settled", outcome });
  };
  const heard: string[] = [];
  const call = { tool: "copy_text", input: { text: "a", idempotencyKey: "k1" } };
  const answer = runtime.execute({ ...call, onProgress: ({ message }) => heard.push(message) });
  await vi.advanceTimersByTimeAsync(5_000);
  expect(await answer).toEqual(outcome);
  expect(heard).toEqual(["waiting for execution e99"]);
  expect(effects).toEqual([]);
});

test("who waits for another process's key is heard when it is cancelled, and a key that it gets too late is given up", async () => {
  const { call, effects, sessions } = counting();
  const claim = deferred<Awaited<ReturnType<typeof sessions.claimIdempotencyKey>>>();
  sessions.claimIdempotencyKey = () => claim.promise;
  const released = vi.spyOn(sessions, "releaseIdempotencyKey");
  const controller = new AbortController();
  const answer = call({}, controller.signal);
  await vi.advanceTimersByTimeAsync(1);
  controller.abort();
  claim.resolve({ state: "claimed" });
  expect(await answer).toMatchObject({ error: { code: "CANCELLED" } });
  expect(released).toHaveBeenCalledWith("k1");
  expect(effects).toEqual([]);
});

test("a key that no process ever gives up is waited for as long as its tool may last, not longer", async () => {
  const { runtime, sessions } = rig([running(() => forever(), { deadlineMs: 1_000 })]);
  sessions.claimIdempotencyKey = () => Promise.resolve({ state: "pending", executionId: "e99" });
  const answer = runtime.execute({ tool: "copy_text", input: { text: "a", idempotencyKey: "k1" } });
  await vi.advanceTimersByTimeAsync(6_000);
  expect(await answer).toMatchObject({
    error: {
      code: "TOOL_TIMEOUT",
      message: "copy_text waited 6 s for the call that holds its idempotency key",
    },
  });
  expectNoTimers();
});

test("a dry run asks for no key", async () => {
  const { call, effects, sessions } = counting();
  await call({ dryRun: true });
  expect(sessions.keys.size).toBe(0);
  expect(await call()).toMatchObject({ ok: true, dryRun: false });
  expect(effects).toEqual(["a"]);
});

test("a tool that only reads takes no key", async () => {
  const annotations = { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false };
  const { runtime } = rig([tool({ annotations })]);
  expect(await runtime.execute({ tool: "copy_text", input: { text: "a", idempotencyKey: "k" } })).toMatchObject({
    error: { code: "INVALID_INPUT" },
  });
});

test("while a tool that was given up has not stopped its key stays held, and is free once it has", async () => {
  const late = deferred<{ text: string }>();
  let effects = 0;
  const { runtime, sessions } = rig([
    running(
      () => {
        effects += 1;
        return effects > 1 ? Promise.resolve({ text: "again" }) : late.promise;
      },
      { deadlineMs: 100 },
    ),
  ]);
  const call = { tool: "copy_text", input: { text: "a", idempotencyKey: "k1" } };
  const first = runtime.execute(call);
  const waiting = runtime.execute(call);
  await vi.advanceTimersByTimeAsync(1_200);
  expect(await first).toMatchObject({ error: { code: "TOOL_TIMEOUT" } });
  expect(await waiting).toMatchObject({ error: { code: "CONFLICT", details: { executionId: "e1" } } });
  expect(await runtime.execute(call)).toMatchObject({ error: { code: "CONFLICT" } });
  expect(effects).toBe(1);
  late.resolve({ text: "late" });
  await vi.advanceTimersByTimeAsync(0);
  expect(sessions.keys.size).toBe(0);
  expect(await runtime.execute(call)).toMatchObject({ ok: true, result: { text: "again" } });
});

test("a key that cannot be settled stays held, which is tried again, and costs neither the result nor a second effect", async () => {
  const { call, effects, sessions, log } = counting();
  const { settleIdempotencyKey } = sessions;
  sessions.settleIdempotencyKey = () => Promise.reject(new Error("disk full"));
  expect(await call()).toMatchObject({ ok: true });
  expect(log).toContainEqual(expect.objectContaining({ level: "error", executionId: "e1" }));
  expect(await call()).toMatchObject({ ok: false, error: { code: "CONFLICT" } });
  sessions.settleIdempotencyKey = settleIdempotencyKey;
  await vi.advanceTimersByTimeAsync(1_000);
  expect(await call()).toMatchObject({ ok: true, executionId: "e1" });
  expect(effects).toEqual(["a"]);
});

test("a store that cannot say who holds a key fails the call before its effect", async () => {
  const { call, effects, sessions } = counting();
  sessions.claimIdempotencyKey = () => Promise.reject(new Error("disk full"));
  expect(await call()).toMatchObject({ ok: false, error: { code: "INTERNAL" } });
  expect(effects).toEqual([]);
});

test("a kept outcome that cannot be read is INTERNAL and has no second effect", async () => {
  const { call, effects, sessions } = counting();
  sessions.claimIdempotencyKey = () => Promise.resolve({ state: "settled", outcome: "rubbish" });
  expect(await call()).toMatchObject({ ok: false, error: { code: "INTERNAL" } });
  expect(effects).toEqual([]);
});

test("one who is cancelled while what a dead process made is undone is answered, and gives the key up", async () => {
  const undo = () => new Promise<void>(() => {});
  const { runtime, sessions } = rig([running(() => Promise.resolve({ text: "x" }), { undo })]);
  const dead = { executionId: "e0", sessionId: "s0", tool: "copy_text", notes: [1], attempts: 0 };
  sessions.claimUndoTasks = () => Promise.resolve([dead]);
  const controller = new AbortController();
  const call = { tool: "copy_text", input: { text: "a", idempotencyKey: "k1" }, signal: controller.signal };
  const outcome = runtime.execute(call);
  await vi.advanceTimersByTimeAsync(1);
  controller.abort();
  expect(await outcome).toMatchObject({ error: { code: "CANCELLED" } });
  expect(sessions.keys.size).toBe(0);
});

test("closing wakes those who wait for a key", async () => {
  const { runtime } = rig([running((_input, { signal }) => aborted(signal).then(() => Promise.reject(signal.reason)))]);
  const call = { tool: "copy_text", input: { text: "a", idempotencyKey: "k1" } };
  const both = Promise.all([runtime.execute(call), runtime.execute(call)]);
  await vi.advanceTimersByTimeAsync(1);
  await runtime.close();
  for (const outcome of await both) expect(outcome).toMatchObject({ error: { code: "INTERRUPTED" } });
});
