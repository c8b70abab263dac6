import { expect, test } from "vitest";
import { createHealth } from "./index.ts";
import type { AlertState, PartHealth } from "./index.ts";

const fine: PartHealth = { status: "ok", reasons: [] };
const alert: AlertState = {
  name: "error-rate",
  state: "firing",
  since: 1,
  reason: "Half failed.",
  value: 0.5,
  limit: 0.1,
};

test("everything that answers ok is ok", async () => {
  const { check } = createHealth({ parts: { store: () => fine, engine: async () => fine } });
  expect(await check()).toEqual({ status: "ok", reasons: [], parts: { store: fine, engine: fine }, alerts: [] });
});

test("the whole is as bad as its worst part, with every reason", async () => {
  const { check } = createHealth({
    parts: {
      store: () => ({ status: "failing", reasons: ["The disk is full."] }),
      engine: () => ({ status: "degraded", reasons: ["No engine answers."] }),
    },
    alerts: () => [alert, { ...alert, name: "quiet", state: "pending" }],
  });
  expect(await check()).toMatchObject({
    status: "failing",
    reasons: ["The disk is full.", "No engine answers.", "error-rate: Half failed."],
  });
});

test("what throws, is silent, says nothing understandable or gives no reason is never ok", async () => {
  const abandoned: boolean[] = [];
  const { check } = createHealth({
    deadlineMs: 20,
    parts: {
      throws: () => {
        throw new Error("boom");
      },
      silent: (signal) =>
        new Promise(() => signal.addEventListener("abort", () => void abandoned.push(true), { once: true })),
      rubbish: () => ({ status: "great" }) as unknown as PartHealth,
      terse: () => ({ status: "degraded", reasons: [] }),
    },
    alerts: () => {
      throw new Error("no rules");
    },
  });
  const health = await check();
  expect(health.status).toBe("degraded");
  expect(health.reasons).toEqual([
    "throws could not be asked: boom.",
    "silent did not answer within 20 ms.",
    'rubbish answered with "great".',
    "terse is degraded and does not say why.",
    "The alerts could not be judged: no rules.",
  ]);
  expect(Object.values(health.parts).map(({ status }) => status)).toEqual([
    "unknown",
    "unknown",
    "unknown",
    "degraded",
  ]);
  expect(abandoned).toEqual([true]);
});

test("who no longer waits gets an answer at once, and it is unknown", async () => {
  const stop = new AbortController();
  const { check } = createHealth({ deadlineMs: 60_000, parts: { engine: () => new Promise(() => {}) } });
  const asked = check(stop.signal);
  stop.abort();
  expect((await asked).status).toBe("unknown");
  expect((await check(stop.signal)).reasons).toEqual(["engine was not asked."]);
});
