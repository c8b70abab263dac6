import { expect, test } from "vitest";
import { fromJsonText, toErrorText, toJsonText, toWholeJsonText } from "./json-text.ts";

test.each([[{ a: [1, "ü", null] }], ["text"], [0], [null], [false]])("%j comes back as it was", (value) => {
  expect(fromJsonText(toJsonText(value))).toEqual(value);
});

test("what has no JSON is null, what cannot have any says so", () => {
  expect(fromJsonText(toJsonText(undefined))).toBeNull();
  expect(fromJsonText(toJsonText({ big: 1n }))).toMatchObject({
    omitted: "not JSON",
    reason: expect.stringContaining("BigInt"),
  });
});

test("a text that was damaged says so instead of hiding all others", () => {
  expect(fromJsonText('{"a":')).toEqual({ omitted: "no longer JSON", characters: 5 });
});

test("a value of more than 256 KiB is replaced by one that says how long it was", () => {
  const long = "x".repeat(256 * 1024);
  expect(fromJsonText(toJsonText(long.slice(2)))).toHaveLength(256 * 1024 - 2);
  expect(fromJsonText(toJsonText(long))).toEqual({
    omitted: "longer than the record keeps",
    characters: 256 * 1024 + 2,
    limit: 256 * 1024,
  });
  expect(fromJsonText(toWholeJsonText(long))).toBe(long);
});

test("an error that is too long stays an error", () => {
  const error = {
    code: "BUILD_FAILED",
    category: "build",
    message: "m".repeat(10_000),
    retryable: false,
    remedy: "Read the log.",
    logTail: "x".repeat(300_000),
  } as const;
  const kept = toErrorText(error);
  expect(kept.length).toBeLessThan(10_000);
  expect(fromJsonText(kept)).toMatchObject({ code: "BUILD_FAILED", category: "build", remedy: "Read the log." });
  const { logTail: _logTail, ...short } = error;
  expect(fromJsonText(toErrorText(short))).toEqual(short);
});
