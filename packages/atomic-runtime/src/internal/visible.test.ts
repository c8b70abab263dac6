import { expect, test } from "vitest";
import { visible, visibleLine } from "./visible.ts";

test.each([
  ["plain text, ümläut, 漢字 and 🙂 stay\n\ttoo", "plain text, ümläut, 漢字 and 🙂 stay\n\ttoo"],
  ["\u001b[1;31mred\u001b[0m", "red"],
  ["\u001b]8;;http://evil\u0007link", "\\u{1b}]8;;http://evil\\u{7}link"],
  ["\u001b[2Jgone", "\\u{1b}[2Jgone"],
  ["a\r\nb\rc", "a\nb\nc"],
  ["\u202egnp.exe", "\\u{202e}gnp.exe"],
  ["ze\u200bro\ufeff", "ze\\u{200b}ro\\u{feff}"],
  ["tag\u{e0041}", "tag\\u{e0041}"],
  ["\u0000\u009b", "\\u{0}\\u{9b}"],
])("what cannot be seen is written out: %j", (text, expected) => {
  expect(visible(text)).toBe(expected);
});

test("a line has no line feeds and is cut to its length", () => {
  expect(visibleLine("one\n  two\tthree", 20)).toBe("one two three");
  expect(visibleLine("x".repeat(1_000_000), 10)).toBe(`${"x".repeat(9)}…`);
});
