import { expect, test, vi } from "vitest";
import type { Progress } from "../types.ts";
import { createSharedTransfers } from "./shared-transfers.ts";
import type { Caller, SharedRun } from "./shared-transfers.ts";

const caller = (more: Partial<Caller> = {}): Caller => ({ signal: new AbortController().signal, until: 10, ...more });
const step: Progress = { phase: "pulling", message: "one" };
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** A transfer that ends when it is told to. */
function transfer() {
  const runs: SharedRun[] = [];
  const ends: { resolve: (result: string) => void; reject: (error: Error) => void }[] = [];
  const run = (shared: SharedRun) => {
    runs.push(shared);
    return new Promise<string>((resolve, reject) => void ends.push({ resolve, reject }));
  };
  return {
    runs,
    run,
    resolve: (result: string) => ends.forEach((end) => end.resolve(result)),
    reject: (error: Error) => ends.forEach((end) => end.reject(error)),
  };
}

test("callers of one key share one transfer and its result, others have their own", async () => {
  const shared = createSharedTransfers<string>();
  const { runs, run, resolve } = transfer();
  const results = [shared.join("a", caller(), run), shared.join("a", caller(), run), shared.join("b", caller(), run)];
  await turn();
  expect(runs).toHaveLength(2);
  resolve("done");
  expect(await Promise.all(results)).toEqual(["done", "done", "done"]);
  void shared.join("a", caller(), run);
  await turn();
  expect(runs).toHaveLength(3);
});

test("a failure reaches every caller, and the next one begins anew", async () => {
  const shared = createSharedTransfers<string>();
  const { run, reject } = transfer();
  const results = [shared.join("a", caller(), run), shared.join("a", caller(), run)];
  await turn();
  reject(new Error("broken"));
  for (const result of results) await expect(result).rejects.toThrow("broken");
  expect(await shared.join("a", caller(), () => Promise.resolve("again"))).toBe("again");
});

test("who leaves gets its own reason, and only the last one to leave ends the transfer", async () => {
  const shared = createSharedTransfers<string>();
  const { runs, run } = transfer();
  const [first, second] = [new AbortController(), new AbortController()];
  const leaving = shared.join("a", caller({ signal: first.signal }), run);
  const last = shared.join("a", caller({ signal: second.signal }), run);
  await turn();
  first.abort(new Error("first"));
  await expect(leaving).rejects.toThrow("first");
  expect(runs[0]?.signal.aborted).toBe(false);
  second.abort(new Error("second"));
  await expect(last).rejects.toThrow("second");
  expect(runs[0]?.signal.aborted).toBe(true);
  void shared.join("a", caller(), run);
  await turn();
  expect(runs).toHaveLength(2);
});

test("who comes late gets the progress from then on, and the longest patience counts", async () => {
  const shared = createSharedTransfers<string>();
  const { runs, run } = transfer();
  const [early, late] = [vi.fn(), vi.fn()];
  void shared.join("a", caller({ onProgress: early }), run);
  await turn();
  runs[0]?.report(step);
  expect(runs[0]?.until()).toBe(10);
  void shared.join("a", caller({ onProgress: late, until: 20 }), run);
  runs[0]?.report(step);
  expect(runs[0]?.until()).toBe(20);
  expect([early.mock.calls.length, late.mock.calls.length]).toEqual([2, 1]);
});

test("a callback that throws ends its own caller's part and nobody else's", async () => {
  const shared = createSharedTransfers<string>();
  const { runs, run, resolve } = transfer();
  const broken = () => {
    throw new Error("callback");
  };
  const mine = shared.join("a", caller({ onProgress: broken }), run);
  const theirs = shared.join("a", caller(), run);
  mine.catch(() => undefined);
  await turn();
  runs[0]?.report(step);
  await expect(mine).rejects.toThrow("callback");
  resolve("done");
  expect(await theirs).toBe("done");
});

test("who is cancelled already does not begin anything", async () => {
  const { runs, run } = transfer();
  const join = createSharedTransfers<string>().join("a", caller({ signal: AbortSignal.abort(new Error("gone")) }), run);
  await expect(join).rejects.toThrow("gone");
  expect(runs).toEqual([]);
});
