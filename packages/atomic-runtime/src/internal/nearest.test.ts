import { expect, test } from "vitest";
import { nearest } from "./nearest.ts";

const names = ["tags", "target", "text", "buildArgs", "noCache"];

test.each([
  ["tgas", ["tags"]],
  ["tag", ["tags"]],
  ["build_args", ["buildArgs"]],
  ["NOCACHE", ["noCache"]],
  ["targt", ["target"]],
  ["colour", []],
  ["x".repeat(1_000_000), []],
])("the names near %.20s are %j", (name, expected) => {
  expect(nearest(name, names)).toEqual(expected);
});
