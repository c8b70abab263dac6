import { expect, test } from "vitest";
import * as face from "../src/index.ts";

test("the package exports exactly these names", () => {
  expect(Object.keys(face).sort()).toEqual([
    "RigError",
    "copyImage",
    "describeEachEngine",
    "describeWithEngine",
    "engineRequest",
    "loadRig",
    "makeTinyImage",
    "registryRequest",
    "requireRig",
    "runCli",
    "spawnServer",
    "startEngineProxy",
    "startFaultRegistry",
    "startPrivateEngine",
    "startRegistry",
    "uniqueName",
  ]);
});
