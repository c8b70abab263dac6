import { expect, test } from "vitest";
import * as face from "../src/index.ts";

test("the public face is exactly this", () => {
  expect(Object.keys(face).sort()).toEqual(["MASK", "Secret", "createLogger", "createRedactor", "silentLogger"]);
});
