import { expect, test } from "vitest";
import * as face from "../src/index.ts";

test("the package exports exactly these names", () => {
  expect(Object.keys(face).sort()).toEqual([
    "RigError",
    "copyImage",
    "describeEachEngine",
    "describePluginConformance",
    "describeWithDocker",
    "describeWithEngine",
    "engineRequest",
    "eventBusCases",
    "eventBusConformance",
    "loadRig",
    "makeCertificate",
    "makeTinyImage",
    "nativeObstacle",
    "prepareSystemFaults",
    "readPowerTrace",
    "registryRequest",
    "requireRig",
    "runCli",
    "spawnServer",
    "sshObstacle",
    "startEngineProxy",
    "startFaultRegistry",
    "startPowerRecorder",
    "startPrivateEngine",
    "startRegistry",
    "startSshEngine",
    "uniqueName",
  ]);
});
