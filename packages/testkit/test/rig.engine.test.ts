import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeWithEngine, engineRequest } from "../src/index.ts";
import { takeDown } from "../src/rig/down.ts";
import { isOurs } from "../src/rig/process.ts";
import { rigStatus } from "../src/rig/status.ts";
import { bringUp } from "../src/rig/up.ts";

// A second rig beside the one that the tests use: it is killed and undone here.
describeWithEngine("a private rig", (rig) => {
  let folder = "";
  let environment: Record<string, string | undefined> = {};
  const up = () => bringUp({ environment, mayInstall: false });

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "rig-"));
    const named = { DOCKER_HOST: undefined, DOCKER_CONTEXT: undefined, CONTAINER_KIT_RIG: join(folder, "rig") };
    environment = { ...process.env, ...named };
  });

  afterAll(async () => {
    if (rig.engine.private) await takeDown({ environment });
    rmSync(folder, { recursive: true, force: true });
  });

  // Where an engine of the user's answers, no private one is ever started.
  test.runIf(rig.engine.private)("two set-ups at once bring up one rig", async () => {
    const [first, second] = await Promise.all([up(), up()]);
    expect(first.engine).toMatchObject({ private: true, host: `unix://${folder}/rig/docker.sock` });
    expect(second.engine.pid).toBe(first.engine.pid);
    expect(second.registry).toEqual(first.registry);
    expect(first.registry.host).not.toBe(rig.registry.host);
    expect(await rigStatus(environment)).toMatchObject({ engineAnswers: true, registryAnswers: true });
  });

  test.runIf(rig.engine.private)("a second set-up changes nothing and takes less than two seconds", async () => {
    const before = await up();
    const start = performance.now();
    const after = await up();
    expect(performance.now() - start).toBeLessThan(2_000);
    expect({ ...after.engine, reason: "" }).toEqual({ ...before.engine, reason: "" });
    expect({ ...after, engine: 0 }).toEqual({ ...before, engine: 0 });
  });

  test.runIf(rig.engine.private)("an engine and a registry that were killed are started again", async () => {
    const before = await up();
    process.kill(before.engine.pid ?? 0, "SIGKILL");
    process.kill(before.registry.pid, "SIGKILL");
    const after = await up();
    expect(after.engine.pid).not.toBe(before.engine.pid);
    expect(after.registry.host).toBe(before.registry.host);
    expect((await engineRequest(after.engine.host, "GET", "/_ping")).text).toBe("OK");
  });

  test.runIf(rig.engine.private)("the password stands only in files that their owner alone reads", async () => {
    const { registry } = await up();
    const password = readFileSync(registry.passwordFile, "utf8");
    for (const file of [registry.passwordFile, registry.netrcFile, join(registry.dockerConfig, "config.json")]) {
      expect(statSync(file).mode & 0o777).toBe(0o600);
    }
    expect(readFileSync(join(folder, "rig", "rig.json"), "utf8")).not.toContain(password);
  });

  test.runIf(rig.engine.private)("undo ends what was started and removes the folder", async () => {
    const { engine, registry } = await up();
    expect(await takeDown({ environment })).toBe(true);
    expect(isOurs(engine.pid, ["dockerd"])).toBe(false);
    expect(isOurs(registry.pid, ["docker-registry"])).toBe(false);
    expect(existsSync(join(folder, "rig"))).toBe(false);
    expect(readFileSync("/proc/self/mountinfo", "utf8")).not.toContain(folder);
    expect(await takeDown({ environment })).toBe(false);
  });
});
