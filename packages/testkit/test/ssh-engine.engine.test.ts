import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import { describeWithEngine, startSshEngine } from "../src/index.ts";
import { runProgram } from "../src/rig/process.ts";
import { sshObstacle } from "../src/ssh-engine.ts";

const obstacle = await sshObstacle();

describeWithEngine(`an engine over SSH${obstacle === undefined ? "" : ` (skipped: ${obstacle})`}`, (rig) => {
  test.skipIf(obstacle !== undefined)(
    "the docker CLI reaches the rig's engine through it, and is counted",
    async () => {
      const engine = await startSshEngine(rig);
      const environment = { ...process.env, ...engine.environment };
      const asked = await runProgram("docker", ["version", "--format", "{{.Server.Version}}"], { environment });
      expect(asked).toMatchObject({ code: 0, stdout: `${rig.engine.version}\n` });
      expect(engine.connections()).toBeGreaterThan(0);
      const folder = (engine.environment["PATH"] ?? "").split(":")[0] ?? "";
      const [, port = ""] = /:(\d+)$/.exec(engine.host) ?? [];
      // Without our ssh in front neither the host nor the user is known.
      const stranger = ["-F", "/dev/null", "-o", "BatchMode=yes", "-p", port, "root@127.0.0.1", "true"];
      expect((await runProgram("ssh", stranger)).code).toBe(255);
      await engine.close();
      expect(existsSync(folder)).toBe(false);
      expect((await runProgram("docker", ["version"], { environment })).code).not.toBe(0);
    },
  );
});
