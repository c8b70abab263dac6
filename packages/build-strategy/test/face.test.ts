import { expect, test } from "vitest";
import * as face from "../src/index.ts";

test("the names of the face are these", () => {
  expect(Object.keys(face).sort()).toEqual([
    "analyzeRepository",
    "buildStrategyErrors",
    "generateDockerfile",
    "nameForKept",
    "scoreDockerfile",
    "selectStrategy",
    "surveyRepository",
    "validateDockerfile",
    "writeDockerfile",
  ]);
});

test("the codes are these", () => {
  expect(Object.keys(face.buildStrategyErrors).sort()).toEqual([
    "CANCELLED",
    "CONFLICT",
    "INTERNAL",
    "INVALID_INPUT",
    "NOT_FOUND",
    "UNSUPPORTED",
  ]);
});
