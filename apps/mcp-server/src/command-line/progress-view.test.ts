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

test("what waits is told, and goes when it moves again", () => {
  vi.useFakeTimers();
  const bars = view("bars");
  const lines = view("lines");
  const both = [bars, lines];
  for (const { progress } of both) {
    progress.begin("push");
    progress.update({ phase: "waiting", message: "registry asks to wait 3 s" });
    progress.update({ phase: "waiting", message: "registry asks to wait 2 s" });
    progress.update({ phase: "pushing", message: "a: Retrying in 5 seconds", id: "a" });
    progress.update({ phase: "pushing", message: "a: Retrying in 4 seconds", id: "a" });
  }
  bars.shown();
  bars.pass(100);
  expect(bars.shown()).toContain("a: Retrying in 4 seconds");
  for (const { progress } of both) {
    progress.update({ phase: "pushing", message: "a: Pushing", id: "a", current: 1, total: 2, unit: "bytes" });
  }
  bars.pass(100);
  const frame = bars.shown();
  expect(frame).toContain("1 B of 2 B a: Pushing");
  expect(frame).not.toMatch(/wait|Retrying/);
  for (const { progress } of both) progress.end("push done");
  expect(lines.shown()).toBe("push …\n  registry asks to wait 3 s\n  a: Retrying in 5 seconds\npush done\n");
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
