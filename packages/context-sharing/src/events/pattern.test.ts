import * as fc from "fast-check";
import { expect, test } from "vitest";
import { findTypeFault, parsePattern } from "./pattern.ts";

test.each([
  ["tool.*", "tool.failed", true],
  ["tool.*", "tool", false],
  ["tool.**", "tool", true],
  ["**.failed", "a.b.failed", true],
  ["a.**.z", "a.z", true],
  ["a.**.b.**.z", "a.x.b.y.b.z", true],
  ["a.**.b.*", "a.b.b", true],
  ["*", "tool.failed", false],
  ["tool", "toolbox", false],
])("%s and %s", (pattern, type, isWanted) => {
  expect(parsePattern(pattern)(type)).toBe(isWanted);
});

test("a pattern selects what the same regular expression would", () => {
  const word = fc.constantFrom("a", "b", "ab");
  const part = fc.oneof({ weight: 2, arbitrary: word }, { weight: 2, arbitrary: fc.constantFrom("*", "**") });
  const words = fc.array(word, { minLength: 1, maxLength: 6 });
  const parts = fc.array(part, { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(parts, words, (pattern, type) => {
      const sources = new Map([
        ["*", "[^.]+\\."],
        ["**", "(?:[^.]+\\.)*"],
      ]);
      const source = pattern.map((one) => sources.get(one) ?? `${one}\\.`).join("");
      const expected = new RegExp(`^${source}$`).test(`${type.join(".")}.`);
      expect(parsePattern(pattern.join("."))(type.join("."))).toBe(expected);
    }),
    { numRuns: 500 },
  );
});

test("a pattern made to be slow is answered as any other", () => {
  const isWanted = parsePattern(Array.from({ length: 40 }, (_, n) => (n % 2 === 0 ? "**" : "a")).join("."));
  expect(isWanted([...Array.from({ length: 90 }, () => "a"), "b"].join("."))).toBe(false);
});

test.each(["", ".", "a..b", "A", "a b", "a.***", "a*", "a.", "x".repeat(201), "(a+)+$"])("%j is no pattern", (text) => {
  expect(() => parsePattern(text)).toThrow(expect.objectContaining({ code: "INVALID_INPUT" }));
});

test.each(["", "*", "a.", ".a", "a..b", "Tool", "a b", "x".repeat(201), undefined, 1])("%j is no type", (type) => {
  expect(findTypeFault(type)).toEqual(expect.any(String));
});
