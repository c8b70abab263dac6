import * as fc from "fast-check";
import { expect, test } from "vitest";
import { blankComments, bracketed, splitArguments } from "./code-text.ts";

test.each([
  ["a // b", "a     "],
  ["a /* b\nc */ d", "a     \n     d"],
  ["'// no'", "'// no'"],
  ['"/* no"', '"/* no"'],
  ["`// no\n// no`", "`// no\n// no`"],
  ["x = /\\/\\/'/ // yes", "x = /\\/\\/'/       "],
  ["a / b // c", "a / b     "],
  ["it's // here\n// gone", "it's // here\n       "],
  ["http://x", "http:   "],
  ["/* open", "       "],
])("%j becomes %j", (code, expected) => {
  expect(blankComments(code)).toBe(expected);
});

test("length and lines stay, whatever the text", () => {
  const text = fc.string({
    unit: fc.constantFrom("/", "*", "'", '"', "`", "\\", "\n", "a", "(", "=", "[", " "),
    maxLength: 60,
  });
  fc.assert(
    fc.property(text, (code) => {
      const blanked = blankComments(code);
      expect(blanked.length).toBe(code.length);
      expect(blanked.split("\n").length).toBe(code.split("\n").length);
    }),
    { numRuns: 2000 },
  );
});

test.each([
  ["'\\'", 200_000],
  ["=/[", 200_000],
  ["=/a", 200_000],
  ["`", 200_001],
  ["/*", 200_000],
])("%j many times over takes no more than its length", (piece, times) => {
  const started = performance.now();
  blankComments(piece.repeat(times));
  expect(performance.now() - started).toBeLessThan(10_000);
});

test("arguments are split at their own commas only", () => {
  expect(splitArguments("a, f(b, c), { d: 1, e: 2 }, 'x,y'")).toEqual(["a", "f(b, c)", "{ d: 1, e: 2 }", "'x,y'"]);
  expect(bracketed("f(a, (b), ')') + c)", 2)).toBe("a, (b), ')'");
});
