import { expect, test } from "vitest";
import { createProgress } from "./index.ts";
import type { ToolProgress } from "./index.ts";

test("work reports its start, its steps with their unit, and its end, and never goes back", () => {
  const reports: ToolProgress[] = [];
  const progress = createProgress({ report: (report) => reports.push(report) }, { total: 3, id: "files" });
  progress.start("copying");
  progress.update(2);
  progress.update(1, "copying slowly");
  progress.complete("copied");
  expect(reports).toEqual([
    { message: "copying", current: 0, unit: "steps", id: "files", total: 3 },
    { message: "copying", current: 2, unit: "steps", id: "files", total: 3 },
    { message: "copying slowly", current: 2, unit: "steps", id: "files", total: 3 },
    { message: "copied", current: 3, unit: "steps", id: "files", total: 3, done: true },
  ]);
});
