import { expect, test } from "vitest";
import * as face from "../src/index.ts";

test("the package exports exactly these names", () => {
  expect(Object.keys(face).sort()).toEqual([
    "RigError",
    "copyImage",
    "describeEachEngine",
    "describeWithDocker",
    "describeWithEngine",
    "engineRequest",
    "loadRig",
    "makeCertificate",
    "makeTinyImage",
    "registryRequest",
    "requireRig",
    "runCli",
    "spawnServer",
    "sshObstacle",
    "startEngineProxy",
    "startFaultRegistry",
    "startPrivateEngine",
    "startRegistry",
    "startSshEngine",
    "uniqueName",
  ]);
});
