import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { fail } from "../errors.ts";
import type { Transport } from "../wire/transport.ts";
import { watchSilence } from "./watch-silence.ts";

/** An engine that only says whether it is there. */
function engineThat(answer: () => Promise<unknown>): { transport: Transport; asked: () => number } {
  let asked = 0;
  const unused = () => Promise.reject(new Error("not used"));
  const json = () => {
    asked += 1;
    return answer();
  };
  return { transport: { json, stream: unused, upgrade: unused, renew: () => {}, close: () => {} }, asked: () => asked };
}
const idle = new AbortController().signal;

/** Watches with a limit of 20 ms, as if it were the two minutes that hold where the caller gave none. */
const watchFor = (transport: Transport, isStepRunning: boolean) =>
  watchSilence({ transport, inactivityMs: undefined, limitMs: 20, isStepRunning: () => isStepRunning, signal: idle });
const alive = () => engineThat(() => Promise.resolve({}));

test("while no step runs, silence ends the build", async () => {
  const { transport, asked } = alive();
  const watch = watchFor(transport, false);
  await sleep(60);
  expect(watch.signal.reason).toMatchObject({ code: "ENGINE_TIMEOUT" });
  expect(asked()).toBe(0);
  watch.close();
});

test("while a step runs, silence is work for as long as the engine answers", async () => {
  const { transport, asked } = alive();
  const watch = watchFor(transport, true);
  await sleep(150);
  expect(asked()).toBeGreaterThan(1);
  expect(watch.signal.aborted).toBe(false);
  watch.close();
});

test("while a step runs on an engine that answers no more, silence ends the build", async () => {
  const { transport } = engineThat(() => Promise.reject(fail("ENGINE_UNAVAILABLE", "gone")));
  const watch = watchFor(transport, true);
  await sleep(60);
  expect(watch.signal.reason).toMatchObject({
    code: "ENGINE_TIMEOUT",
    message: expect.stringContaining("does not answer"),
  });
  watch.close();
});

test("a limit of the caller's holds also while a step runs, and words of the engine begin it anew", async () => {
  const { transport } = alive();
  const watch = watchSilence({ transport, inactivityMs: 100, isStepRunning: () => true, signal: idle });
  for (let word = 0; word < 5; word += 1) {
    await sleep(40);
    watch.heard();
  }
  expect(watch.signal.aborted).toBe(false);
  await sleep(200);
  expect(watch.signal.reason).toMatchObject({ code: "ENGINE_TIMEOUT" });
  watch.close();
});
