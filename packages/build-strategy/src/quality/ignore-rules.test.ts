import { expect, test } from "vitest";
import { readIgnoreRules } from "./ignore-rules.ts";

test.each([
  ["node_modules", "node_modules/a/b.js", true],
  ["node_modules", "a/node_modules/b.js", false],
  ["**/node_modules", "a/node_modules/b.js", true],
  ["**/node_modules", "node_modules", true],
  ["/dist/", "dist/a.js", true],
  ["*.log", "a.log", true],
  ["*.log", "a/b.log", false],
  ["**/*.log", "a/b.log", true],
  ["*.log\n!keep.log", "keep.log", false],
  ["!keep.log\n*.log", "keep.log", true],
  ["sub\n!sub/keep", "sub/keep", false],
  ["sub\n!sub/keep", "sub/other", true],
  ["# *.js\n", "a.js", false],
  ["\uFEFFa\r\nb\r\n", "a", true],
  ["\uFEFFa\r\nb\r\n", "b", true],
  ["  a  ", "a", true],
  ["!", "a", false],
  [".env*", ".env.local", true],
])("%j ignores %s: %s", (text, path, expected) => {
  expect(readIgnoreRules(text).ignores(path)).toBe(expected);
});
