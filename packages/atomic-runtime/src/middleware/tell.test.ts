import { expect, test } from "vitest";
import { contextRig } from "../../test/context-rig.ts";
import { aborted, running, tool } from "../../test/rig.ts";

const call = { tool: "copy_text", input: { text: "a" } };

test("each end of an execution is told: what succeeded, failed, was cancelled, refused or replayed", async () => {
  const stop = new AbortController();
  const { runtime, events } = await contextRig([
    running((input, { signal }) => {
      if (input["text"] === "bad") return Promise.reject(new Error("boom"));
      if (input["text"] === "slow") return aborted(signal).then(() => Promise.reject(new Error("stopped")));
      return Promise.resolve({ text: "" });
    }),
  ]);
  await runtime.execute({ ...call, input: { text: "a", idempotencyKey: "k" }, parent: "step-1" });
  await runtime.execute({ ...call, input: { text: "a", idempotencyKey: "k" } });
  await runtime.execute({ ...call, input: { text: "bad" } });
  const slow = runtime.execute({ ...call, input: { text: "slow" }, signal: stop.signal });
  await new Promise(setImmediate);
  stop.abort();
  await slow;
  await runtime.execute({ ...call, input: {} });
  const told = await events();
  expect(told.map(({ type, data }) => [type, data["code"]])).toEqual([
    ["tool.completed", undefined],
    ["tool.completed", undefined],
    ["tool.failed", "INTERNAL"],
    ["tool.cancelled", "CANCELLED"],
    ["tool.failed", "INVALID_INPUT"],
  ]);
  expect(told[0]?.data).toMatchObject({ tool: "copy_text", parent: "step-1", dryRun: false });
  expect(told[1]).toMatchObject({ executionId: "e2", data: { replayOf: "e1" } });
});

test("what a call left is told before its answer", async () => {
  const order: string[] = [];
  let keep = (): void => {};
  const events = {
    publish: () => {
      order.push("told");
      return new Promise<void>((resolve) => {
        keep = resolve;
      });
    },
  } as never;
  const produces = [{ type: "analysis", from: () => [{ key: "a", value: { path: "a" } }] }];
  const { runtime } = await contextRig([tool({ produces })], { events });
  const answered = runtime.execute(call).then((outcome) => {
    order.push("answered");
    return outcome;
  });
  await expect.poll(() => order).toEqual(["told"]);
  keep();
  expect(await answered).toMatchObject({ ok: true, context: { produced: [{ type: "analysis", key: "a" }] } });
  expect(order).toEqual(["told", "answered"]);
});

test("a bus that breaks costs no call, and what has no execution is not told", async () => {
  let broke = 0;
  const events = {
    publishSoon() {
      broke += 1;
      throw new Error("bus away");
    },
  } as never;
  const { runtime, sessions } = await contextRig([tool()], { events });
  expect(await runtime.execute(call)).toMatchObject({ ok: true });
  expect(broke).toBe(1);
  sessions.startExecution = () => Promise.reject(new Error("disk on fire"));
  expect(await runtime.execute(call)).toMatchObject({ ok: false });
  expect(broke).toBe(1);
});
