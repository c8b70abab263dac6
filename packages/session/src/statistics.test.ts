import { tempFolder } from "@container-kit/config/temp-folder";
import { beforeEach, expect, test } from "vitest";
import { fillRecord } from "../test/fill.ts";
import { begin, openStore } from "../test/open-store.ts";
import type { SessionStore } from "./index.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

let store: SessionStore;
let sessionId: string;
let now: number;

beforeEach(async () => {
  now = Date.UTC(2026, 0, 1);
  ({ store } = await openStore(tempFolder(), { clock: () => now }));
  sessionId = (await store.openSession()).id;
});

async function execute(tool: string, ms: number, code?: string): Promise<void> {
  const { id } = await begin(store, sessionId, { tool });
  now += ms;
  if (code === undefined) return store.endExecution(id, { status: "completed", result: null });
  const error = { code, category: "build", message: `${code} at ${now}`, retryable: false, remedy: "r" } as const;
  return store.endExecution(id, { status: code === "CANCELLED" ? "cancelled" : "failed", error });
}

test("a filled record is counted whole, and its percentiles are within 5%", async () => {
  const { storage, store: filled } = await openStore(tempFolder());
  const [first = ""] = await fillRecord(storage, { executions: 2000, sessions: 4, tools: 3, overMs: DAY });
  const all = await filled.statistics();
  expect(all).toMatchObject({
    count: 2000,
    completed: 1900,
    failed: 100,
    errors: [{ code: "BUILD_FAILED", count: 100 }],
  });
  const exact = Array.from({ length: 2000 }, (_, index) => 1 + ((index * 7919) % 1000)).toSorted(
    (one, other) => one - other,
  );
  expect(Math.abs((all.p95 ?? 0) / (exact[1899] ?? 0) - 1)).toBeLessThan(0.05);
  expect(all.days.reduce((sum, { count }) => sum + count, 0)).toBe(2000);
  expect(await filled.getSession(first, { executions: 10 })).toMatchObject({
    omitted: 490,
    statistics: { count: 500 },
  });
});

test("nothing has neither rate nor percentile", async () => {
  const nothing = { count: 0, completed: 0, failed: 0, successRate: null, p50: null, p99: null, perMinute: null };
  expect(await store.statistics()).toMatchObject({
    ...nothing,
    tools: {},
    hours: [],
    days: [],
    errors: [],
    lastError: null,
  });
  expect(await store.statistics({ sessionId, tool: "t" })).toMatchObject(nothing);
});

test("counts, rates, percentiles and errors are told of all, of a tool and of a session", async () => {
  for (let ms = 1; ms <= 100; ms += 1) await execute("scan", ms);
  await execute("build", 1000, "BUILD_FAILED");
  await execute("build", 2000, "BUILD_FAILED");
  await execute("build", 3000);
  await execute("build", 10, "CANCELLED");
  const scanned = sessionId;
  sessionId = (await store.openSession()).id;
  await execute("build", 500, "IMAGE_NOT_FOUND");
  await begin(store, sessionId, { tool: "build" });

  const all = await store.statistics();
  expect(all).toMatchObject({ count: 106, completed: 101, failed: 3, cancelled: 1, interrupted: 0 });
  expect(all.successRate).toBeCloseTo(101 / 104);
  expect(all.tools["scan"]).toMatchObject({ count: 100, successRate: 1, totalMs: 5050 });
  for (const [share, exact] of [
    ["p50", 50],
    ["p95", 95],
    ["p99", 99],
  ] as const) {
    expect(Math.abs((all.tools["scan"]?.[share] ?? 0) - exact) / exact).toBeLessThan(0.05);
  }
  expect(all.errors.map(({ code, count }) => [code, count])).toEqual([
    ["BUILD_FAILED", 2],
    ["CANCELLED", 1],
    ["IMAGE_NOT_FOUND", 1],
  ]);
  expect(all.lastError).toMatchObject({ code: "IMAGE_NOT_FOUND", sessionId, at: now });
  expect(await store.statistics({ tool: "build" })).toMatchObject({
    count: 6,
    failed: 3,
    tools: { build: { count: 6 } },
  });
  expect(await store.statistics({ sessionId })).toMatchObject({
    count: 2,
    failed: 1,
    hours: [],
    errors: [{ code: "IMAGE_NOT_FOUND" }],
  });
  expect((await store.getSession(scanned)).statistics).toMatchObject({ count: 104, lastError: { code: "CANCELLED" } });
});

test("trends tell of hours and days, and the rate of the last hour in which there was something", async () => {
  for (let hour = 0; hour < 4; hour += 1) {
    for (let times = 0; times < 12; times += 1) await execute("t", 5, hour === 2 ? "BUILD_FAILED" : undefined);
    now += HOUR - 60;
  }
  now -= HOUR - 30 * MINUTE;
  const began = Date.UTC(2026, 0, 1);
  const { hours, days, perMinute } = await store.statistics();
  expect(hours.map(({ from, count, failed }) => [(from - began) / HOUR, count, failed])).toEqual([
    [0, 12, 0],
    [1, 12, 0],
    [2, 12, 12],
    [3, 12, 0],
  ]);
  expect(hours[0]?.p95).toBeCloseTo(5, 0);
  expect(days).toMatchObject([{ from: began, count: 48, failed: 12 }]);
  expect(perMinute).toBeCloseTo(12 / 30, 2);
  expect(await store.statistics({ now: began + 26.5 * HOUR })).toMatchObject({
    hours: [{ count: 12 }],
    perMinute: 0.2,
  });
  expect(await store.statistics({ now: began + 40 * DAY })).toMatchObject({ hours: [], days: [], count: 48 });
  const right = now;
  now += 60 * DAY;
  await execute("t", 5);
  now = right;
  // What a clock that was ahead for a moment has left is counted, and shows when its time comes.
  expect(await store.statistics()).toMatchObject({ count: 49, hours, days, perMinute });
});
