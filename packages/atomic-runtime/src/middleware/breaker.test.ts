import { defineErrors } from "@container-kit/errors";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { aborted, forever, rig, running } from "../../test/rig.ts";
import type { ToolContext, ToolOutcome } from "../index.ts";

const entry = { category: "registry", summary: "x", remedy: "y" } as const;
const fail = defineErrors({
  REGISTRY_UNAVAILABLE: { ...entry, retryable: true, fault: "environment" },
  IMAGE_NOT_FOUND: { ...entry, retryable: false, fault: "caller" },
});

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

/** A tool whose target is its text, and which does what the test says. */
function targeted() {
  const behave = { as: (_context: ToolContext): Promise<unknown> => Promise.resolve() };
  let runs = 0;
  const made = rig([
    running(
      async (_input, context) => {
        runs += 1;
        await behave.as(context);
        return { text: "done" };
      },
      { target: (input) => String(input["text"]), deadlineMs: 1_000 },
    ),
  ]);
  const call = (target = "r1", signal?: AbortSignal): Promise<ToolOutcome> =>
    made.runtime.execute({ tool: "copy_text", input: { text: target }, ...(signal === undefined ? {} : { signal }) });
  const down = () => Promise.reject(fail("REGISTRY_UNAVAILABLE", "503"));
  const failTimes = async (times: number) => {
    behave.as = down;
    for (let time = 0; time < times; time++) await call();
  };
  return { ...made, behave, call, down, failTimes, runs: () => runs };
}

test("after five failures in a row a target is left alone, others are not, and it is said which and for how long", async () => {
  const { call, runtime, failTimes, runs, behave } = targeted();
  await failTimes(5);
  behave.as = () => Promise.resolve();
  expect(await call()).toMatchObject({
    error: {
      code: "CIRCUIT_OPEN",
      retryable: true,
      details: { target: "r1", retryAfterMs: 10_000, lastCode: "REGISTRY_UNAVAILABLE" },
    },
  });
  expect(await call("r2")).toMatchObject({ ok: true });
  expect(runs()).toBe(6);
  expect(runtime.status().openCircuits).toEqual(["copy_text r1"]);
});

test("after ten seconds one call tries, others are refused meanwhile, and its success closes the circuit", async () => {
  const { call, failTimes, behave, runtime } = targeted();
  await failTimes(5);
  await vi.advanceTimersByTimeAsync(10_000);
  behave.as = () => new Promise((resolve) => setTimeout(resolve, 500));
  const trial = call();
  await vi.advanceTimersByTimeAsync(1);
  expect(await call()).toMatchObject({ error: { code: "CIRCUIT_OPEN" } });
  await vi.advanceTimersByTimeAsync(500);
  expect(await trial).toMatchObject({ ok: true });
  expect(runtime.status().openCircuits).toEqual([]);
});

test("a trial that fails opens the circuit for another ten seconds", async () => {
  const { call, failTimes, runs, down, behave } = targeted();
  await failTimes(5);
  behave.as = down;
  await vi.advanceTimersByTimeAsync(10_000);
  expect(await call()).toMatchObject({ error: { code: "REGISTRY_UNAVAILABLE" } });
  expect(await call()).toMatchObject({ error: { code: "CIRCUIT_OPEN" } });
  expect(runs()).toBe(6);
});

test("a trial that is cancelled before it could tell leaves the circuit open, and the next call alone is the trial", async () => {
  const { call, failTimes, behave, down, runtime, runs } = targeted();
  await failTimes(5);
  await vi.advanceTimersByTimeAsync(10_000);
  behave.as = ({ signal }) => aborted(signal).then(() => Promise.reject(signal.reason));
  const controller = new AbortController();
  const cancelled = call("r1", controller.signal);
  await vi.advanceTimersByTimeAsync(1);
  controller.abort();
  expect(await cancelled).toMatchObject({ error: { code: "CANCELLED" } });
  expect(runtime.status().openCircuits).toEqual(["copy_text r1"]);
  behave.as = down;
  const before = runs();
  const codes = (await Promise.all([call(), call(), call()])).map((outcome) => outcome.ok || outcome.error.code);
  expect(codes).toEqual(["REGISTRY_UNAVAILABLE", "CIRCUIT_OPEN", "CIRCUIT_OPEN"]);
  expect(runs()).toBe(before + 1);
});

test("a clock that is set back by a year does not keep a circuit open", async () => {
  const { call, failTimes, behave } = targeted();
  await failTimes(5);
  behave.as = () => Promise.resolve();
  await vi.advanceTimersByTimeAsync(10_000);
  vi.setSystemTime(Date.now() - 365 * 24 * 60 * 60 * 1_000);
  expect(await call()).toMatchObject({ ok: true });
});

test("the caller's mistakes show that the target answers, and cancelled calls show nothing", async () => {
  const { call, failTimes, behave, runtime } = targeted();
  await failTimes(4);
  behave.as = () => Promise.reject(fail("IMAGE_NOT_FOUND", "404"));
  await call();
  await failTimes(4);
  behave.as = ({ signal }) => aborted(signal).then(() => Promise.reject(signal.reason));
  const controller = new AbortController();
  const cancelled = call("r1", controller.signal);
  await vi.advanceTimersByTimeAsync(1);
  controller.abort();
  expect(await cancelled).toMatchObject({ error: { code: "CANCELLED" } });
  expect(runtime.status().openCircuits).toEqual([]);
  await failTimes(1);
  expect(runtime.status().openCircuits).toEqual(["copy_text r1"]);
});

test("a target that lets its callers hang opens the circuit too, and a trial that hangs does not hold it for ever", async () => {
  const { call, behave } = targeted();
  behave.as = () => forever();
  for (let time = 0; time < 5; time++) {
    const hanging = call();
    await vi.advanceTimersByTimeAsync(2_000);
    expect(await hanging).toMatchObject({ error: { code: "TOOL_TIMEOUT" } });
  }
  expect(await call()).toMatchObject({ error: { code: "CIRCUIT_OPEN", details: { lastCode: "TOOL_TIMEOUT" } } });
  await vi.advanceTimersByTimeAsync(10_000);
  const trial = call();
  await vi.advanceTimersByTimeAsync(2_000);
  expect(await trial).toMatchObject({ error: { code: "TOOL_TIMEOUT" } });
  behave.as = () => Promise.resolve();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(await call()).toMatchObject({ ok: true });
});

test("of many targets only the last few hundred are remembered", async () => {
  const { call, failTimes, behave, runtime } = targeted();
  await failTimes(5);
  behave.as = () => Promise.resolve();
  for (let target = 0; target < 256; target++) await call(`t${target}`);
  expect(runtime.status().openCircuits).toEqual([]);
});
