import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { expectNoTimers, rig, running } from "../test/rig.ts";
import { openReporter } from "./progress.ts";
import type { Reporter, ReporterOptions } from "./progress.ts";
import type { ToolProgress } from "./index.ts";

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

function open(changes: Partial<ReporterOptions> = {}): {
  reporter: Reporter;
  sent: ToolProgress[];
  kept: ToolProgress[];
} {
  const sent: ToolProgress[] = [];
  const kept: ToolProgress[] = [];
  const reporter = openReporter({
    send: (progress) => sent.push(progress),
    keep: (progress) => kept.push(progress),
    redact: (text) => text.replaceAll("hunter22", "[redacted]"),
    title: "Push an image",
    clock: () => performance.now(),
    ...changes,
  });
  return { reporter, sent, kept };
}

test("a second of two hundred reports passes on about ten, in order, the last one included", async () => {
  const { reporter, sent } = open();
  for (let step = 1; step <= 200; step++) {
    reporter.report({ message: "uploading", id: "a", current: step, total: 200, unit: "bytes" });
    await vi.advanceTimersByTimeAsync(5);
  }
  await vi.advanceTimersByTimeAsync(100);
  expect(sent.length).toBeGreaterThanOrEqual(8);
  expect(sent.length).toBeLessThanOrEqual(12);
  const numbers = sent.map((progress) => progress.current ?? 0);
  expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
  expect(numbers.at(-1)).toBe(200);
});

test("many ids at once each keep to their pace", async () => {
  const { reporter, sent } = open();
  for (let step = 0; step < 400; step++) {
    reporter.report({ message: "x", id: `id ${step % 7}`, current: step });
    await vi.advanceTimersByTimeAsync(5);
  }
  for (let id = 0; id < 7; id++) {
    const count = sent.filter((progress) => progress.id === `id ${id}`).length;
    expect(count).toBeGreaterThanOrEqual(14);
    expect(count).toBeLessThanOrEqual(21);
  }
});

test("each id has its own pace, and its first report passes at once", () => {
  const { reporter, sent } = open();
  for (const id of ["a", "b", "c"]) reporter.report({ message: id, id, current: 1 });
  reporter.report({ message: "a", id: "a", current: 2 });
  expect(sent.map((progress) => progress.message)).toEqual(["a", "b", "c"]);
});

test("a new phase and the end of an id pass at once, and replace what was held", async () => {
  const { reporter, sent } = open();
  reporter.report({ message: "1", id: "a", phase: "upload" });
  reporter.report({ message: "2", id: "a", phase: "upload" });
  reporter.report({ message: "3", id: "a", phase: "verify" });
  reporter.report({ message: "4", id: "a", phase: "verify" });
  reporter.report({ message: "5", id: "a", done: true });
  await vi.advanceTimersByTimeAsync(500);
  expect(sent.map((progress) => progress.message)).toEqual(["1", "3", "5"]);
});

test("a number never goes back within one id", async () => {
  const { reporter, sent } = open();
  for (const current of [5, 3, 9, 0]) {
    reporter.report({ message: "x", id: "a", current });
    await vi.advanceTimersByTimeAsync(200);
  }
  expect(sent.map((progress) => progress.current)).toEqual([5, 5, 9, 9]);
});

test("a silent tool is spoken for every eight seconds with the time that has passed", async () => {
  const { reporter, sent } = open();
  await vi.advanceTimersByTimeAsync(8_000);
  reporter.report({ message: "layer a", id: "a", phase: "upload", current: 7, total: 9, unit: "bytes" });
  await vi.advanceTimersByTimeAsync(17_000);
  reporter.report({ message: "layer a", id: "a", done: true });
  await vi.advanceTimersByTimeAsync(9_000);
  reporter.close();
  expect(sent).toEqual([
    { message: "Push an image (8 s)" },
    { message: "layer a", id: "a", phase: "upload", current: 7, total: 9, unit: "bytes" },
    { message: "layer a (16 s)", id: "a", phase: "upload", current: 7, total: 9, unit: "bytes" },
    { message: "layer a (24 s)", id: "a", phase: "upload", current: 7, total: 9, unit: "bytes" },
    { message: "layer a", id: "a", done: true },
    { message: "layer a (33 s)" },
  ]);
});

test("a client hears something at least every ten seconds, whatever the tool's rhythm", async () => {
  const times: number[] = [0];
  const { reporter } = open({ send: () => times.push(performance.now()) });
  const startedAt = performance.now();
  for (const pause of [7_900, 100, 8_100, 15_900, 3_000, 40_000]) {
    await vi.advanceTimersByTimeAsync(pause);
    reporter.report({ message: "x" });
  }
  const gaps = times.slice(1).map((time, index) => time - (index === 0 ? startedAt : (times[index] ?? 0)));
  expect(Math.max(...gaps)).toBeLessThanOrEqual(10_000);
});

test("nothing is sent after the end: no report, nothing held, no repetition", async () => {
  const { reporter, sent } = open();
  reporter.report({ message: "1" });
  reporter.report({ message: "held" });
  reporter.close();
  reporter.report({ message: "late" });
  await vi.advanceTimersByTimeAsync(60_000);
  expect(sent.map((progress) => progress.message)).toEqual(["1"]);
  expect(vi.getTimerCount()).toBe(0);
});

test("a job keeps at most one progress a second and ends on the last", async () => {
  const { reporter, kept } = open();
  for (let step = 1; step <= 50; step++) {
    reporter.report({ message: `step ${step}` });
    await vi.advanceTimersByTimeAsync(50);
  }
  reporter.close();
  expect(kept.length).toBeLessThanOrEqual(4);
  expect(kept.at(-1)?.message).toBe("step 50");
});

test("a message is one visible line without secrets, at most 500 characters", () => {
  const { reporter, sent } = open();
  reporter.report({ message: `\u001b[31mlogin\nhunter22\u202e ${"x".repeat(10_000)}` });
  expect(sent[0]?.message).toMatch(/^login \[redacted\]\\u\{202e\} x+…$/);
  expect(sent[0]?.message).toHaveLength(500);
});

test.each([[undefined], [null], ["text"], [{}], [{ message: 7 }]])(
  "a report that is garbage is ignored: %j",
  (garbage) => {
    const { reporter, sent } = open();
    reporter.report(garbage as unknown as ToolProgress);
    expect(sent).toEqual([]);
  },
);

test("a report that cannot be read is ignored, and its tool goes on", () => {
  const { reporter, sent } = open();
  const trap = () => {
    throw new Error("trap");
  };
  reporter.report(Object.defineProperty({}, "message", { get: trap }) as ToolProgress);
  reporter.report(new Proxy({}, { get: trap }) as ToolProgress);
  expect(sent).toEqual([]);
});

test("an id and a phase are short visible lines without secrets, like the message", () => {
  const { reporter, sent } = open();
  reporter.report({ message: "x", id: "\u001b[31mhunter22\n", phase: `hunter22 ${"p".repeat(1_000)}` });
  expect(sent[0]?.id).toBe("[redacted]");
  expect(sent[0]?.phase).toMatch(/^\[redacted\] p+…$/);
  expect(sent[0]?.phase).toHaveLength(100);
});

test.each<[string, (step: number) => Partial<ToolProgress>]>([
  ["ids", (step) => ({ id: `id ${step}` })],
  ["phases", (step) => ({ phase: `phase ${step}` })],
  ["ends", () => ({ done: true })],
])("a hundred thousand %s in a second pass as a few hundred reports, the last one included", async (_what, changes) => {
  let fitted = 0;
  const redact = (text: string) => ((fitted += 1), text);
  const { reporter, sent } = open({ redact });
  for (let step = 1; step <= 100_000; step++) {
    reporter.report({ message: `step ${step}`, ...changes(step) });
    if (step % 1_000 === 0) await vi.advanceTimersByTimeAsync(10);
  }
  await vi.advanceTimersByTimeAsync(5_000);
  expect(sent.map(({ message }) => message)).toContain("step 100000");
  expect(sent.length).toBeLessThan(600);
  expect(fitted).toBeLessThan(2_000);
});

test("fields of the wrong kind are left out of a report", () => {
  const { reporter, sent } = open();
  const odd = { message: "x", id: 1, current: Number.NaN, total: -1, unit: "miles", done: "yes", extra: {} };
  reporter.report(odd as unknown as ToolProgress);
  expect(sent).toEqual([{ message: "x" }]);
});

const call = { tool: "copy_text", input: { text: "hello" } };
const chatty = (durable: boolean) =>
  running(
    async (_input, { report }) => {
      report({ message: "one", current: 1, total: 2 });
      await vi.advanceTimersByTimeAsync(1_500);
      report({ message: "two" });
      setTimeout(() => report({ message: "stray" }), 10);
      return { text: "done" };
    },
    { durable },
  );

test("a receiver that throws or rejects, and a store that refuses, cost the progress and not the call", async () => {
  for (const onProgress of [
    () => {
      throw new Error("closed");
    },
    () => Promise.reject(new Error("closed")) as unknown as void,
  ]) {
    const { runtime, sessions, log } = rig([chatty(true)]);
    sessions.reportProgress = () => {
      throw new Error("busy");
    };
    expect(await runtime.execute({ ...call, onProgress })).toMatchObject({ ok: true });
    await vi.advanceTimersByTimeAsync(0);
    expect(log).toContainEqual(expect.objectContaining({ message: "progress could not be delivered" }));
    expect(log).toContainEqual(expect.objectContaining({ message: "progress could not be kept" }));
  }
});

test("a durable tool's progress is kept with its job even when nobody listens", async () => {
  const { runtime, sessions } = rig([chatty(true)]);
  await runtime.execute(call);
  expect(sessions.kept).toEqual([
    { message: "one", current: 1, total: 2 },
    { message: "two", current: null, total: null },
  ]);
});

test("what a tool reports after it has returned is not sent, and no timer is left", async () => {
  const { runtime } = rig([chatty(false)]);
  const sent: string[] = [];
  await runtime.execute({ ...call, onProgress: ({ message }) => sent.push(message) });
  await vi.advanceTimersByTimeAsync(20_000);
  expect(sent).toEqual(["one", "two"]);
  expectNoTimers();
});

test("one who waits for another's effect under the same key is not left in silence", async () => {
  const { runtime } = rig([
    running(async () => {
      await new Promise((resolve) => setTimeout(resolve, 20_000));
      return { text: "done" };
    }),
  ]);
  const sent: string[] = [];
  const keyed = { tool: "copy_text", input: { text: "a", idempotencyKey: "k" } };
  const both = [runtime.execute(keyed), runtime.execute({ ...keyed, onProgress: ({ message }) => sent.push(message) })];
  await vi.advanceTimersByTimeAsync(20_000);
  await Promise.all(both);
  expect(sent).toEqual(["Copy a text (8 s)", "Copy a text (16 s)"]);
});
