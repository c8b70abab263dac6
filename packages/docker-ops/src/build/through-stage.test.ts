import { expect, test } from "vitest";
import { throughStage } from "./through-stage.ts";

test.each([
  ["FROM a AS x\nRUN b\n# c\nFROM x\nRUN d\n", "x", "FROM a AS x\nRUN b\n# c"],
  ["FROM a AS x\nFROM x AS X\nRUN b\nFROM c\n", "x", "FROM a AS x\nFROM x AS X\nRUN b"],
  ["FROM a AS x\nFROM b\n", "0", "FROM a AS x"],
  ["FROM a\nFROM b AS y\n", "y", "FROM a\nFROM b AS y\n"],
  ["FROM a\nFROM b\n", "nope", "FROM a\nFROM b\n"],
  ["FROM a\nFROM b\n", "7", "FROM a\nFROM b\n"],
])("%j for the target %s ends with it", (content, target, expected) => {
  expect(throughStage(content, target)).toBe(expected);
});
