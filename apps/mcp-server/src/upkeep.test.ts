import { silentLogger } from "@container-kit/observability";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { startUpkeep } from "./upkeep.ts";
import type { Upkeep } from "./upkeep.ts";

let done: Record<string, number>;
let upkeep: Upkeep;
const did = (what: string) => (done[what] = (done[what] ?? 0) + 1);

beforeEach(() => {
  vi.useFakeTimers();
  done = {};
  upkeep = startUpkeep({
    runtime: { recover: async () => ({ executions: 0, jobs: 0, undone: did("recover"), problems: [] }) },
    sessions: {
      recoverInterrupted: async () => ({ executions: 0, jobs: 0 }),
      prune: async () => ({ sessions: did("prune"), keys: 0 }),
    },
    context: {
      sweep: () => {
        did("sweep");
        return Promise.reject(new Error("the store is busy"));
      },
    },
    events: { prune: async () => did("prune events") },
    logger: silentLogger,
  });
});

afterEach(async () => {
  await upkeep.close();
  vi.useRealTimers();
});

test("what has expired goes every five minutes, what is old every hour, and a round that fails is followed by the next", async () => {
  await vi.advanceTimersByTimeAsync(4 * 60_000);
  expect(done["sweep"]).toBeUndefined();
  await vi.advanceTimersByTimeAsync(11 * 60_000);
  expect([done["sweep"], done["prune"], done["prune events"]]).toEqual([3, undefined, undefined]);
  await vi.advanceTimersByTimeAsync(45 * 60_000);
  expect([done["sweep"], done["prune"], done["prune events"]]).toEqual([12, 1, 1]);
});

test("when it is closed nothing is done any more", async () => {
  await upkeep.close();
  const before = { ...done };
  await vi.advanceTimersByTimeAsync(3 * 60 * 60_000);
  expect(done).toEqual(before);
});
