import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { runBatch } from "./batch.ts";

test("outcomes come in the order given, whichever operation ends first, and a failure stops no other", async () => {
  const boom = new Error("boom");
  const outcomes = await runBatch([
    () => sleep(30, "slow"),
    () => Promise.reject(boom),
    () => Promise.resolve("quick"),
    () => {
      throw boom;
    },
  ]);
  expect(outcomes).toEqual([
    { ok: true, value: "slow" },
    { ok: false, error: boom },
    { ok: true, value: "quick" },
    { ok: false, error: boom },
  ]);
});

test.each([
  [undefined, 5],
  [2, 2],
  [100, 12],
])("with a concurrency of %s, %i run at once", async (concurrency, most) => {
  let running = 0;
  let highest = 0;
  const operation = async () => {
    running += 1;
    highest = Math.max(highest, running);
    await sleep(5);
    running -= 1;
  };
  await runBatch(
    Array.from({ length: 12 }, () => operation),
    concurrency === undefined ? {} : { concurrency },
  );
  expect(highest).toBe(most);
});

test("cancelling reaches those that run, and the rest never begin", async () => {
  const controller = new AbortController();
  let begun = 0;
  const operation = async (signal: AbortSignal) => {
    begun += 1;
    if (begun === 2) controller.abort();
    await sleep(1000, undefined, { signal });
  };
  const outcomes = await runBatch([operation, operation, operation, operation], {
    concurrency: 2,
    signal: controller.signal,
  });
  expect(begun).toBe(2);
  expect(outcomes.every(({ ok }) => !ok)).toBe(true);
  expect(outcomes[3]).toMatchObject({ error: { code: "CANCELLED" } });
});

test("nothing to do is done at once, and a concurrency of zero is refused", async () => {
  expect(await runBatch([])).toEqual([]);
  await expect(runBatch([], { concurrency: 0 })).rejects.toThrow(TypeError);
});
