import { defineErrors } from "@container-kit/errors";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { expectNoTimers, rig, running } from "../../test/rig.ts";
import type { ToolDefinition } from "../index.ts";

const entry = { category: "registry", summary: "x", remedy: "y", fault: "environment" } as const;
const fail = defineErrors({
  REGISTRY_UNAVAILABLE: { ...entry, retryable: true },
  REGISTRY_TLS: { ...entry, retryable: false },
});
const call = { tool: "copy_text", input: { text: "hello" } };

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

/** A tool that fails with these errors one after the other, and then succeeds. */
function failing(errors: readonly Error[], changes: Partial<ToolDefinition> = {}) {
  const attempts: number[] = [];
  const definition = running(
    (_input, { attempt }) => {
      attempts.push(attempt);
      const error = errors[attempts.length - 1];
      return error === undefined ? Promise.resolve({ text: "done" }) : Promise.reject(error);
    },
    { retry: { attempts: 3 }, ...changes },
  );
  return { ...rig([definition]), attempts };
}

const down = () => fail("REGISTRY_UNAVAILABLE", "503");

test("a failure that a retry may help is followed by another run, which the caller hears of and the record counts", async () => {
  const { runtime, sessions, attempts } = failing([down(), down()]);
  const heard: string[] = [];
  const outcome = runtime.execute({ ...call, onProgress: ({ message }) => heard.push(message) });
  await vi.advanceTimersByTimeAsync(12_000);
  expect(await outcome).toMatchObject({ ok: true, result: { text: "done" } });
  expect(attempts).toEqual([1, 2, 3]);
  expect(heard[0]).toMatch(/^REGISTRY_UNAVAILABLE: 503; again in \d+ ms$/);
  expect(sessions.executions[0]?.end).toMatchObject({ status: "completed", attempts: 3 });
});

test("what a failed run made is gone before the next one begins, and where it cannot be there is none", async () => {
  for (const canUndo of [true, false]) {
    const world = new Set<number>();
    const definition = running(
      async (_input, { attempt, willMake }) => {
        expect([...world]).toEqual([]);
        await willMake(attempt);
        world.add(attempt);
        if (attempt < 3) throw down();
        return { text: "done" };
      },
      {
        retry: { attempts: 3 },
        undo: async (notes) => {
          if (!canUndo) throw new Error("cannot");
          for (const note of notes) world.delete(note as number);
        },
      },
    );
    const { runtime, sessions } = rig([definition]);
    const outcome = runtime.execute(call);
    await vi.advanceTimersByTimeAsync(12_000);
    const failed = { error: { code: "REGISTRY_UNAVAILABLE", details: { undo: { undone: false, problem: "cannot" } } } };
    expect(await outcome).toMatchObject(canUndo ? { ok: true } : failed);
    expect([...world]).toEqual([canUndo ? 3 : 1]);
    expect(sessions.notes.size).toBe(canUndo ? 0 : 1);
  }
});

test("after the last run the failure is the caller's to read", async () => {
  const { runtime, sessions, attempts } = failing([down(), down(), down()]);
  const outcome = runtime.execute(call);
  await vi.advanceTimersByTimeAsync(12_000);
  expect(await outcome).toMatchObject({ ok: false, error: { code: "REGISTRY_UNAVAILABLE" } });
  expect(attempts).toHaveLength(3);
  expect(sessions.executions[0]?.end).toMatchObject({ status: "failed", attempts: 3 });
});

test.each([
  ["a code that no retry helps", fail("REGISTRY_TLS", "bad certificate")],
  ["a foreign error", new Error("x")],
])("%s ends it at once", async (_what, error) => {
  const { runtime, attempts } = failing([error]);
  expect(await runtime.execute(call)).toMatchObject({ ok: false });
  expect(attempts).toEqual([1]);
});

test("a cancellation ends the pause at once, and there is no further run", async () => {
  const { runtime, attempts } = failing([down()], {
    retry: { attempts: 2, firstPauseMs: 10_000, longestPauseMs: 30_000 },
  });
  const controller = new AbortController();
  const outcome = runtime.execute({ ...call, signal: controller.signal });
  await vi.advanceTimersByTimeAsync(10);
  controller.abort();
  expect(await outcome).toMatchObject({ error: { code: "CANCELLED" } });
  expect(attempts).toEqual([1]);
  expectNoTimers();
});

test("the time that a failure asks for is kept, and where it lies beyond the deadline there is no further run", async () => {
  const limited = (retryAfterMs: number) => fail("REGISTRY_UNAVAILABLE", "429", { details: { retryAfterMs } });
  const patient = failing([limited(7_000)]);
  const outcome = patient.runtime.execute(call);
  await vi.advanceTimersByTimeAsync(6_999);
  expect(patient.attempts).toEqual([1]);
  await vi.advanceTimersByTimeAsync(1);
  expect(await outcome).toMatchObject({ ok: true });
  const hurried = failing([limited(7_000)], { deadlineMs: 5_000 });
  expect(await hurried.runtime.execute(call)).toMatchObject({ error: { code: "REGISTRY_UNAVAILABLE" } });
  expect(hurried.attempts).toEqual([1]);
});
