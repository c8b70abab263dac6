import { expect, test } from "vitest";
import * as face from "../src/index.ts";

test("the public face is exactly this", () => {
  expect(Object.keys(face).sort()).toEqual(["KitError", "commonErrors", "defineErrors", "isKitError", "toErrorResult"]);
});

test("the common codes keep their category and whether a retry helps", () => {
  const rows = Object.entries(face.commonErrors).map(
    ([code, { category, retryable }]) => `${code} ${category} ${retryable}`,
  );
  expect(rows).toEqual([
    "INVALID_INPUT input false",
    "NOT_FOUND input false",
    "CONFLICT input false",
    "UNSUPPORTED input false",
    "CANCELLED runtime false",
    "INTERNAL runtime false",
  ]);
});
