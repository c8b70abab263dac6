import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Alarms } from "./alarms.ts";

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

function open() {
  const startedAt = performance.now();
  const alarms = new Alarms(() => performance.now() - startedAt);
  const rung: string[] = [];
  return { alarms, rung, set: (at: number) => alarms.set(at, () => rung.push(`${at}`)) };
}

test("each alarm rings once, at its time and in order, whatever the order in which they were set", async () => {
  const { rung, set } = open();
  for (const at of [300, 100, 200, 100]) set(at);
  await vi.advanceTimersByTimeAsync(99);
  expect(rung).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  expect(rung).toEqual(["100", "100"]);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(rung).toEqual(["100", "100", "200", "300"]);
  expect(vi.getTimerCount()).toBe(0);
});

test("an alarm that is cleared does not ring, also when another one of the same time clears it", async () => {
  const { alarms, rung, set } = open();
  alarms.set(100, () => alarms.clear(second));
  const second = set(100);
  alarms.clear(set(50));
  await vi.advanceTimersByTimeAsync(200);
  expect(rung).toEqual([]);
});

test("an alarm that rings may set the next, and an earlier one moves the timer", async () => {
  const { alarms, rung, set } = open();
  alarms.set(10, () => set(20));
  set(1_000);
  await vi.advanceTimersByTimeAsync(20);
  expect(rung).toEqual(["20"]);
});

test("without alarms the timer rings for nothing once, does not hold the process, and holds it again for the next alarm", async () => {
  const { alarms, rung, set } = open();
  const timer = vi.spyOn(globalThis, "setTimeout");
  alarms.clear(set(100));
  const made = timer.mock.results[0]?.value as NodeJS.Timeout | undefined;
  expect(made?.hasRef()).toBe(false);
  const next = set(200);
  expect(made?.hasRef()).toBe(true);
  alarms.clear(next);
  await vi.advanceTimersByTimeAsync(100);
  expect(vi.getTimerCount()).toBe(0);
  expect(timer).toHaveBeenCalledTimes(1);
  expect(rung).toEqual([]);
});
