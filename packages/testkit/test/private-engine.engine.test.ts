import { spawn } from "node:child_process";
import { existsSync, readFileSync, statfsSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { copyImage, describeWithEngine, engineRequest, makeTinyImage, startPrivateEngine } from "../src/index.ts";
import type { PrivateEngine } from "../src/index.ts";
import { findProcesses } from "../src/rig/process.ts";

const BRIDGE = "/sys/class/net/docker0";
const statusOf = async (host: string, path: string) => (await engineRequest(host, "GET", path)).status;

describeWithEngine("a private engine", (rig) => {
  let engine: PrivateEngine | undefined;
  afterEach(() => engine?.close());
  const possible = process.platform === "linux" && process.getuid?.() === 0;

  test.runIf(possible)(
    "it keeps its images over a stop and a kill, on the same socket, and leaves nothing",
    async () => {
      const hadBridge = existsSync(BRIDGE);
      const image = await makeTinyImage(rig, { shell: true, changes: ['CMD ["sleep", "60"]'] });
      engine = await startPrivateEngine();
      const { host } = engine;
      await copyImage({ from: rig.engine.host, to: host, reference: image.reference });
      await image.remove();
      const inspect = `/images/${image.reference}/json`;
      const first = engine.pid();
      await engine.stop();
      expect(engine.pid()).toBeUndefined();
      await expect(engineRequest(host, "GET", "/_ping")).rejects.toThrow(/ECONNREFUSED|ENOENT/);
      await engine.start();
      expect(engine.pid()).not.toBe(first);
      expect(await statusOf(host, inspect)).toBe(200);

      const body = JSON.stringify({ Image: image.reference, HostConfig: { NetworkMode: "none" } });
      const headers = { "content-type": "application/json" };
      const { Id } = (await engineRequest(host, "POST", "/containers/create", { body, headers })).json() as {
        Id: string;
      };
      expect((await engineRequest(host, "POST", `/containers/${Id}/start`)).status).toBe(204);
      await engine.kill();
      await expect(engineRequest(host, "GET", "/_ping")).rejects.toThrow(/ECONNREFUSED|ENOENT/);
      // What a crash leaves: the container lives on with its shim.
      expect(findProcesses([Id]).length).toBeGreaterThan(0);
      await engine.start();
      expect(await statusOf(host, inspect)).toBe(200);

      await engine.kill();
      const folder = dirname(engine.dataRoot);
      await engine.close();
      expect(existsSync(folder)).toBe(false);
      expect(findProcesses([folder])).toEqual([]);
      expect(readFileSync("/proc/self/mountinfo", "utf8")).not.toContain(folder);
      expect(existsSync(BRIDGE)).toBe(hadBridge);
      expect(await statusOf(rig.engine.host, "/_ping")).toBe(200);
    },
  );

  test.runIf(possible)("its data can be on a file system that is soon full", async () => {
    engine = await startPrivateEngine({ dataRootMb: 32 });
    const { blocks, bsize } = statfsSync(engine.dataRoot);
    expect(blocks * bsize).toBe(32 * 1024 * 1024);
    const tooLarge = makeTinyImage({ engine: { ...rig.engine, host: engine.host } }, { sizeBytes: 40_000_000 });
    await expect(tooLarge).rejects.toThrow(/no space left on device/);
    expect(await statusOf(engine.host, "/_ping")).toBe(200);
  });

  test.runIf(possible)("an engine whose process is killed dies with it, and the next one clears up", async () => {
    const script = `
      import { startPrivateEngine } from ${JSON.stringify(new URL("../src/index.ts", import.meta.url).href)};
      const engine = await startPrivateEngine({ dataRootMb: 64 });
      console.log(JSON.stringify([engine.pid(), engine.dataRoot]));
      setInterval(() => {}, 1_000);`;
    const loader = new URL("../../../scripts/dev/register.mjs", import.meta.url).href;
    const owner = spawn(process.execPath, ["--import", loader, "--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const line = await new Promise<string>((resolve) =>
      owner.stdout.once("data", (data: Buffer) => resolve(data.toString())),
    );
    const [pid, dataRoot] = JSON.parse(line) as [number, string];
    expect(existsSync(`/proc/${pid}`)).toBe(true);
    owner.kill("SIGKILL");
    const marks = ["dockerd", dataRoot];
    for (let round = 0; round < 100 && findProcesses(marks).length > 0; round += 1) await sleep(50);
    expect(findProcesses(marks)).toEqual([]);
    engine = await startPrivateEngine();
    expect(existsSync(dirname(dataRoot))).toBe(false);
    expect(readFileSync("/proc/self/mountinfo", "utf8")).not.toContain(dataRoot);
  });
});
