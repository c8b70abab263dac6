import { expect, test } from "vitest";
import { fail } from "../errors.ts";
import { withPatience } from "./patience.ts";
import type { PatienceOptions } from "./patience.ts";

const limited = (retryAfterMs?: number) =>
  fail(
    "REGISTRY_RATE_LIMITED",
    "r wants fewer requests",
    retryAfterMs === undefined ? {} : { details: { retryAfterMs } },
  );

/** Work that meets these errors one after the other and then succeeds. */
async function attempt(errors: readonly Error[], more: Partial<PatienceOptions> = {}) {
  const waits: string[] = [];
  let runs = 0;
  const result = withPatience(
    () => {
      const error = errors[runs];
      runs += 1;
      return error === undefined ? Promise.resolve("done") : Promise.reject(error);
    },
    {
      registry: "r",
      signal: new AbortController().signal,
      until: () => performance.now() + 100_000,
      report: ({ message }) => void waits.push(message),
      ...more,
    },
  );
  return { outcome: await result.catch((error: unknown) => error), waits, runs: () => runs };
}

test("the wait that the error names is waited and told", async () => {
  const { outcome, waits } = await attempt([limited(10), limited(0)]);
  expect(outcome).toBe("done");
  expect(waits).toEqual(["r asks to wait 1 s"]);
});

test("where the error names none the registry is asked", async () => {
  const { outcome, waits } = await attempt([limited()], { askWait: () => Promise.resolve(5) });
  expect(outcome).toBe("done");
  expect(waits).toHaveLength(1);
});

test("where nobody names one it backs off by itself", async () => {
  const { outcome, waits } = await attempt([limited()], { askWait: () => Promise.resolve(null) });
  expect(outcome).toBe("done");
  expect(waits).toHaveLength(1);
});

test("after three waits it is enough, and the wait is told as data", async () => {
  const { outcome, runs } = await attempt(Array.from({ length: 9 }, () => limited(1)));
  expect(outcome).toMatchObject({ code: "REGISTRY_RATE_LIMITED", details: { retryAfterMs: 1 } });
  expect(runs()).toBe(4);
});

test.each([
  ["longer than a minute", { askWait: () => Promise.resolve(61_000) }, 61_000],
  ["beyond the deadline", { askWait: () => Promise.resolve(5000), until: () => performance.now() + 1000 }, 5000],
])("a wait %s is not begun and told as data", async (_what, more, retryAfterMs) => {
  const { outcome, runs, waits } = await attempt([limited()], more);
  expect(outcome).toMatchObject({ code: "REGISTRY_RATE_LIMITED", details: { retryAfterMs } });
  expect(runs()).toBe(1);
  expect(waits).toEqual([]);
});

test("any other error is passed on at once", async () => {
  const { outcome, runs } = await attempt([fail("AUTH_FAILED", "no")]);
  expect(outcome).toMatchObject({ code: "AUTH_FAILED" });
  expect(runs()).toBe(1);
});

test("a wait ends with the call", async () => {
  const signal = AbortSignal.timeout(50);
  const { outcome } = await attempt([limited(30_000)], { signal });
  expect(outcome).toBeInstanceOf(Error);
  expect(signal.aborted).toBe(true);
});
