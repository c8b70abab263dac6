import { PassThrough } from "node:stream";
import { expect, test, vi } from "vitest";
import { createProgressView } from "./progress-view.ts";
import type { ProgressStyle } from "./progress-view.ts";

function view(style: ProgressStyle) {
  const stream = Object.assign(new PassThrough(), { columns: 60 });
  let time = 0;
  const progress = createProgressView({ style, stream, now: () => time });
  return {
    progress,
    pass: (milliseconds: number) => {
      time += milliseconds;
      vi.advanceTimersByTime(milliseconds);
    },
    shown: () => (stream.read() as Buffer | null)?.toString() ?? "",
  };
}

test("bars show each moving layer, and what is done leaves", () => {
  vi.useFakeTimers();
  const { progress, pass, shown } = view("bars");
  progress.begin("push");
  progress.update({ message: "pushing a", id: "a", current: 500, total: 1000, unit: "bytes" });
  progress.update({ message: "pushing b", id: "b", current: 10, total: 1000, unit: "bytes", done: true });
  shown();
  pass(100);
  const frame = shown();
  expect(frame).toContain("push 100 ms");
  expect(frame).toContain("████████████░░░░░░░░░░░░ 500 B of 1.0 kB pushing a");
  expect(frame).not.toContain("pushing b");
  progress.end("push done");
  expect(shown()).toBe("\u001b[2A\u001b[Jpush done\n");
  pass(1000);
  expect(shown()).toBe("");
  vi.useRealTimers();
});

test("no row is wider than the terminal and none can steer it", () => {
  vi.useFakeTimers();
  const { progress, pass, shown } = view("bars");
  progress.begin("build");
  progress.update({ message: `\u001b[2J${"x".repeat(500)}\nsecond line`, id: "1" });
  shown();
  pass(100);
  const lines = shown().replace("\u001b[1A\u001b[J", "").split("\n");
  expect(lines).toHaveLength(3);
  expect(lines.every((line) => line.length <= 59)).toBe(true);
  expect(lines.join("")).not.toContain("\u001b");
  progress.end("");
  vi.useRealTimers();
});

test("lines say only when a stage begins and ends, and silence says nothing", () => {
  const lines = view("lines");
  const silent = view("silent");
  for (const { progress } of [lines, silent]) {
    progress.begin("build");
    progress.update({ message: "RUN x" });
    progress.end("build done");
  }
  expect(lines.shown()).toBe("build …\nbuild done\n");
  expect(silent.shown()).toBe("");
});
