import { expect, test } from "vitest";
import { toLine, toPlainText } from "./plain.ts";

test.each([
  ["colours \u001b[31mred\u001b[0m", "colours red"],
  ["title \u001b]0;owned\u0007 set", "title  set"],
  ["cursor \u001b[2J\u001b[1;1Hup", "cursor up"],
  ["bell\u0007 back\b return\r", "bell back return"],
  ["lines\nand\ttabs stay", "lines\nand\ttabs stay"],
  ["bare escape \u001b", "bare escape "],
])("what could steer a terminal is removed: %j", (text, plain) => {
  expect(toPlainText(text)).toBe(plain);
});

test("a line is the first line, cut to its width", () => {
  expect(toLine("one\ntwo", 80)).toBe("one");
  expect(toLine("abcdef", 4)).toBe("abc…");
  expect(toLine("\tabc", 4)).toBe(" abc");
});

test("a long hostile text is cleaned in linear time", () => {
  const started = performance.now();
  toPlainText("\u001b]".repeat(100_000));
  expect(performance.now() - started).toBeLessThan(2000);
});
