import { expect, test } from "vitest";
import type { ToolProgress } from "@container-kit/atomic-runtime";
import { createProgressMeter } from "./progress-meter.ts";

function read(...told: ToolProgress[]) {
  const meter = createProgressMeter();
  return told.map((progress) => meter.read(progress));
}

const layer = (id: string, current: number, total?: number): ToolProgress => ({
  message: `pushing ${id}`,
  id,
  current,
  unit: "bytes",
  ...(total === undefined ? {} : { total }),
});
const step = (current: number): ToolProgress => ({ message: "RUN npm ci", id: "s", current, total: 3, unit: "steps" });

test("layers add up to one number, with a total once every size is known", () => {
  const readings = read(layer("a", 10, 100), layer("b", 5), layer("b", 20, 50), layer("a", 100, 100));
  expect(readings.map(({ progress, total }) => [progress, total])).toEqual([
    [10, 100],
    [15, undefined],
    [30, 150],
    [120, 150],
  ]);
});

test("the number rises strictly even when a layer goes back or there is no news", () => {
  const values = read(layer("a", 50), layer("a", 20), { message: "still pushing" }, layer("a", 51)).map(
    ({ progress }) => progress,
  );
  for (const [index, value] of values.entries()) if (index > 0) expect(value).toBeGreaterThan(values[index - 1] ?? 0);
});

test("a build counts its steps although the context travelled in bytes before", () => {
  const context: ToolProgress = {
    message: "sending",
    phase: "context",
    id: "c",
    current: 4000,
    total: 4000,
    unit: "bytes",
  };
  const readings = read(context, step(1), step(2), step(3));
  expect(readings.slice(1)).toEqual([
    { progress: 1, total: 3, message: "RUN npm ci (step 1 of 3)" },
    { progress: 2, total: 3, message: "RUN npm ci (step 2 of 3)" },
    { progress: 3, total: 3, message: "RUN npm ci (step 3 of 3)" },
  ]);
  expect(readings[0]?.message).toBe("sending (4.0 kB of 4.0 kB)");
});

test("a change of the unit gives no total, because there is no true one", () => {
  const readings = read(step(3), layer("a", 10, 100));
  expect(readings[1]).toMatchObject({ progress: 13 });
  expect(readings[1]).not.toHaveProperty("total");
});
