import { expect, test } from "vitest";
import { formatBytes, formatDuration } from "./amounts.ts";

test.each([
  [0, "0 B"],
  [999, "999 B"],
  [1000, "1.0 kB"],
  [9949, "9.9 kB"],
  [999_499, "999 kB"],
  [999_500, "1.0 MB"],
  [132_400_000, "132 MB"],
  [2_500_000_000_000_000, "2500 TB"],
])("%d bytes read as %s", (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});

test.each([
  [0, "0 ms"],
  [999.4, "999 ms"],
  [4210, "4.2 s"],
  [59_990, "1 min 0 s"],
  [185_000, "3 min 5 s"],
])("%d milliseconds read as %s", (milliseconds, text) => {
  expect(formatDuration(milliseconds)).toBe(text);
});
