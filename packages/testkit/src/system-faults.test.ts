import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { nativeObstacle } from "./native-library.ts";
import { prepareSystemFaults } from "./system-faults.ts";
import type { DiskFault, SystemFaults } from "./index.ts";

const obstacle = await nativeObstacle();

describe.skipIf(obstacle !== undefined)(
  `system faults${obstacle === undefined ? "" : `, skipped: ${obstacle}`}`,
  () => {
    let faults: SystemFaults;
    const folder = mkdtempSync(join(tmpdir(), "faults-test-"));
    beforeAll(async () => {
      faults = await prepareSystemFaults();
    });
    afterAll(() => {
      faults.close();
      rmSync(folder, { recursive: true });
    });

    function run(script: string, fault?: DiskFault): string {
      const env = { ...process.env, ...faults.environment(fault) };
      return execFileSync(process.execPath, ["-e", script, folder], { env, encoding: "utf8" }).trim();
    }

    test("the calls that are meant fail, and those before, after and elsewhere go well", () => {
      const script = `
      const fs = require("node:fs");
      const write = (name) => { try { fs.appendFileSync(process.argv[1] + name, "x"); return "ok"; } catch (error) { return error.code; } };
      console.log([1, 2, 3, 4].map(() => write("/hit")).join(" "), write("/other"));`;
      const fault = { folder, path: "/hit", call: "write", error: "ENOSPC", after: 1, times: 2 } as const;
      expect(run(script, fault)).toBe("ok ENOSPC ENOSPC ok ok");
      expect(faults.fired()).toBe(2);
      expect(readFileSync(join(folder, "hit"), "utf8")).toBe("xx");
    });

    test.each([
      ["sync", "EIO"],
      ["open", "EMFILE"],
      ["truncate", "EROFS"],
    ] as const)("a %s can fail with %s", (call, error) => {
      const script = `
      const fs = require("node:fs");
      try {
        const file = fs.openSync(process.argv[1] + "/file", "a");
        fs.ftruncateSync(file, 0);
        fs.fsyncSync(file);
        console.log("ok");
      } catch (error) { console.log(error.syscall.replace("fsync", "sync").replace("ftruncate", "truncate"), error.code); }`;
      expect(run(script, { folder, call, error })).toBe(`${call} ${error}`);
    });

    test("the wall clock moves by as much as it is told, while the monotonic one goes on", () => {
      const script = "console.log(Date.now(), performance.now() < 60_000)";
      faults.moveClock(-86_400);
      const [told, steady] = run(script).split(" ");
      faults.moveClock(0);
      expect(Math.abs(Number(told) + 86_400_000 - Date.now())).toBeLessThan(60_000);
      expect(steady).toBe("true");
    });
  },
);
