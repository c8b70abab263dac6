import { expect, test } from "vitest";
import { alertRuleProblems, createAlerts, createCallMonitor, DEFAULT_ALERT_RULES, recordToolCall } from "../index.ts";
import type { AlertRules, AlertSource } from "../index.ts";

/** Alerts over a monitor and a source that the test moves. */
function rig(rules: AlertRules = {}) {
  const now = { ms: 1_000_000 };
  const monitor = createCallMonitor(() => now.ms);
  const world = { waiting: 0, store: [] as string[], circuits: [] as string[] };
  const source: AlertSource = {
    monitor,
    waiting: () => world.waiting,
    storeProblems: () => world.store,
    openCircuits: () => world.circuits,
  };
  const alerts = createAlerts(source, { rules, clock: () => now.ms });
  const call = (tool: string, code: string | null, durationMs = 5) =>
    recordToolCall(monitor.telemetry, { tool, code, durationMs });
  const stateOf = (name: string) => alerts.evaluate().find((alert) => alert.name === name);
  return { now, world, call, stateOf, alerts };
}

test("a server that was told nothing is ok by every rule", () => {
  const { alerts } = rig();
  expect(alerts.evaluate().map(({ name, state }) => [name, state])).toEqual(
    Object.keys(DEFAULT_ALERT_RULES).map((name) => [name, "ok"]),
  );
});

test("the error rate fires over its limit, names the worst code, and is over when the window has passed", () => {
  const { call, stateOf, now } = rig();
  for (let index = 0; index < 19; index += 1) call("push_image", "REGISTRY_UNAVAILABLE");
  expect(stateOf("error-rate")).toMatchObject({ state: "ok", value: null });
  call("push_image", "AUTH_FAILED");
  const firedAt = now.ms;
  expect(stateOf("error-rate")).toMatchObject({
    state: "firing",
    since: firedAt,
    value: 1,
    limit: 0.25,
    reason: "20 of 20 calls in 5 min failed, most with REGISTRY_UNAVAILABLE.",
  });
  now.ms += 100_000;
  expect(stateOf("error-rate")).toMatchObject({ state: "firing", since: firedAt });
  now.ms += 230_000;
  expect(stateOf("error-rate")).toMatchObject({ state: "ok", since: now.ms });
});

test("what callers asked for or did wrong is no failure of the server", () => {
  const { call, stateOf } = rig();
  for (let index = 0; index < 50; index += 1) call("build_image", index % 2 === 0 ? "CANCELLED" : "INVALID_INPUT");
  expect(stateOf("error-rate")).toMatchObject({ state: "ok", value: 0 });
});

test("a tool over its budget fires after it has been so for long enough, judged by the slowest of the rule's tools", () => {
  const rule = { kind: "p95", aboveMs: 100, tools: ["slow", "quick"], minimumCalls: 10, forSeconds: 60 } as const;
  const { call, stateOf, now } = rig({ "slow-tools": rule });
  for (let index = 0; index < 20; index += 1) {
    call("slow", null, index === 0 ? 10 : 400);
    call("quick", null, 1);
    call("unwatched", null, 90_000);
  }
  expect(stateOf("slow-tools")).toMatchObject({ state: "pending", limit: 100 });
  const value = stateOf("slow-tools")?.value ?? 0;
  expect(Math.abs(value - 400)).toBeLessThan(40);
  now.ms += 60_000;
  expect(stateOf("slow-tools")).toMatchObject({ state: "firing" });
});

test("a queue is stuck when calls wait and none ends, not when it is only long", () => {
  const { call, stateOf, now, world } = rig();
  world.waiting = 3;
  expect(stateOf("queue-stuck")).toMatchObject({ state: "pending" });
  now.ms += 59_000;
  call("a", null);
  expect(stateOf("queue-stuck")).toMatchObject({ state: "pending" });
  now.ms += 59_000;
  expect(stateOf("queue-stuck")).toMatchObject({ state: "pending" });
  now.ms += 1_000;
  expect(stateOf("queue-stuck")).toMatchObject({ state: "firing", value: 3, reason: "3 calls wait." });
  world.waiting = 0;
  expect(stateOf("queue-stuck")).toMatchObject({ state: "ok" });
});

test("the store and the circuits speak for themselves, and what cannot be asked is unknown, not ok", () => {
  const { stateOf, world } = rig();
  world.store = ["The disk is full."];
  world.circuits = ["push_image registry.example.com"];
  expect(stateOf("store-degraded")).toMatchObject({ state: "firing", reason: "The disk is full." });
  expect(stateOf("circuit-open")).toMatchObject({ state: "firing", value: 1 });
  Object.defineProperty(world, "store", {
    get: () => {
      throw new Error("gone");
    },
  });
  expect(stateOf("store-degraded")).toMatchObject({ state: "unknown", value: null });
  expect(stateOf("circuit-open")).toMatchObject({ state: "firing" });
});

test("a configuration replaces a default by its name, and takes it away with false", () => {
  const { alerts } = rig({ "error-rate": { kind: "error_rate", above: 0.5 }, "queue-stuck": false });
  const states = alerts.evaluate();
  expect(states.find(({ name }) => name === "error-rate")).toMatchObject({ limit: 0.5 });
  expect(states.map(({ name }) => name)).not.toContain("queue-stuck");
});

test("rules that cannot be understood are refused with the path of every mistake", () => {
  expect(alertRuleProblems(DEFAULT_ALERT_RULES)).toEqual([]);
  expect(alertRuleProblems([])).toEqual(["alerts must be rules by name"]);
  const rules = {
    Wrong: false,
    gone: false,
    odd: { kind: "toString" },
    rate: { kind: "error_rate", above: 2, ignore: ["lower"], constructor: 1 },
    slow: { kind: "p95", tools: [], windowSeconds: 5 },
  };
  expect(alertRuleProblems(rules)).toEqual([
    "alerts.Wrong must be named in lower case, e.g. slow-builds",
    "alerts.odd.kind must be one of error_rate, p95, store_degraded, queue_stuck, circuit_open",
    "alerts.rate.above must be a number from 0 to 1",
    "alerts.rate.ignore must be a list of codes",
    "alerts.rate.constructor is not known for error_rate",
    "alerts.slow.aboveMs is missing",
    "alerts.slow.tools must be a list of names of tools",
    "alerts.slow.windowSeconds must be a number from 10 to 3600",
  ]);
});
