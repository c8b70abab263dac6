import { expect, test } from "vitest";
import { createMetricsRecorder } from "./metrics.ts";

test("calls, errors, bytes, cache hits and percentiles are counted by operation", async () => {
  let time = 0;
  const metrics = createMetricsRecorder(() => time);
  for (let duration = 1; duration <= 100; duration += 1) {
    await metrics.measure(
      "pull",
      async () => void (time += duration),
      () => ({ bytes: 2, cacheHits: 1 }),
    );
  }
  const boom = new Error("boom");
  await expect(metrics.measure("push", () => Promise.reject(boom))).rejects.toBe(boom);
  expect(metrics.snapshot()).toEqual({
    pull: { count: 100, errors: 0, p50: 50, p95: 95, p99: 99, bytes: 200, cacheHits: 100, cacheMisses: 0 },
    push: { count: 1, errors: 1, p50: 0, p95: 0, p99: 0, bytes: 0, cacheHits: 0, cacheMisses: 0 },
  });
});

test("the percentiles are over the last calls, so that an old slow hour is forgotten", async () => {
  let time = 0;
  const metrics = createMetricsRecorder(() => time);
  const call = (duration: number) => metrics.measure("inspect", async () => void (time += duration));
  for (let at = 0; at < 10; at += 1) await call(1000);
  for (let at = 0; at < 1024; at += 1) await call(1);
  expect(metrics.snapshot().inspect).toMatchObject({ count: 1034, p50: 1, p99: 1 });
});
