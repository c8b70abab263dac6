import { readFileSync, readdirSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeWithDocker, makeTinyImage, sshObstacle, startSshEngine, uniqueName } from "@container-kit/testkit";
import type { SshEngine, TinyImage } from "@container-kit/testkit";
import { askRegistry, connect, folderOf } from "./rig.ts";

const obstacle = await sshObstacle();

/** How many docker programs that lead to an engine are running on our account. */
function openConnections(): number {
  return readdirSync("/proc").filter((entry) => {
    if (!/^\d+$/.test(entry)) return false;
    try {
      const [, parent] = /\) \S (\d+)/.exec(readFileSync(`/proc/${entry}/stat`, "utf8")) ?? [];
      return Number(parent) === process.pid && readFileSync(`/proc/${entry}/cmdline`, "utf8").includes("dial-stdio");
    } catch {
      // It ended while we looked.
      return false;
    }
  }).length;
}

async function allClosed(): Promise<void> {
  for (let at = 0; at < 50 && openConnections() > 0; at += 1) await sleep(100);
  expect(openConnections()).toBe(0);
}

describeWithDocker("an engine on an ssh host, reached by the docker program", (rig) => {
  const title = (text: string) => (obstacle === undefined ? text : `${text} (skipped: ${obstacle})`);
  const run = test.skipIf(obstacle !== undefined);
  let ssh: SshEngine;
  let image: TinyImage;

  beforeAll(async () => {
    if (obstacle !== undefined) return;
    ssh = await startSshEngine(rig);
    image = await makeTinyImage(rig);
  });

  afterAll(async () => {
    await image?.remove();
    await ssh?.close();
  });

  const connectOver = (env: Readonly<Record<string, string>> = {}) => connect(rig, { ...ssh.environment, ...env });

  run(title("pushes, tags and builds, says how, and leaves no connection behind"), async () => {
    const engine = await connectOver();
    expect(openConnections()).toBeGreaterThan(0);
    expect(engine.via).toBe("docker-cli");
    const target = `${rig.registry.host}/${uniqueName("ssh")}:1`;
    const pushed = await engine.push(image.reference, { target });
    expect(pushed).toMatchObject({ via: "docker-cli", verified: true });
    const repository = target.slice(rig.registry.host.length + 1, -2);
    expect((await askRegistry(rig, "HEAD", `/v2/${repository}/manifests/${pushed.digest}`)).status).toBe(200);
    const { folder, remove } = folderOf({ Dockerfile: "FROM scratch\nCOPY file /file\n", file: uniqueName() });
    const built = await engine.build(folder, { tags: [`${uniqueName("ssh")}:1`] });
    expect(built).toMatchObject({ via: "docker-cli", context: { files: 2 } });
    await engine.remove(built.tags[0] ?? "");
    remove();
    await engine.close();
    await allClosed();
  });

  run(title("ends its connection when a call is cancelled"), async () => {
    const engine = await connectOver();
    const { folder, remove } = folderOf({ Dockerfile: `FROM ${rig.standins[0]?.image ?? "scratch"}\nRUN sleep 20\n` });
    const controller = new AbortController();
    const build = engine.build(folder, {
      tags: [`${uniqueName("ssh")}:1`],
      noCache: true,
      signal: controller.signal,
      onLog: (line) => {
        if (line.includes("RUN sleep")) controller.abort();
      },
    });
    await expect(build).rejects.toMatchObject({ code: "CANCELLED" });
    await engine.close();
    await allClosed();
    remove();
  });

  run(title("is refused with what to do where the host is not known"), async () => {
    // The machine's own ssh has never seen this host's key.
    await expect(connectOver({ PATH: process.env["PATH"] ?? "" })).rejects.toMatchObject({
      code: "ENGINE_FORBIDDEN",
      remedy: expect.stringContaining("ssh"),
    });
  });

  run(title("is ENGINE_UNAVAILABLE where nobody listens, and names the reason"), async () => {
    await expect(connectOver({ DOCKER_HOST: "ssh://root@127.0.0.1:1" })).rejects.toMatchObject({
      code: expect.stringMatching(/^ENGINE_UNAVAILABLE$/),
      message: expect.stringMatching(/refused/i),
    });
  });

  run(title("is ENGINE_BAD_ENDPOINT where there is no docker program"), async () => {
    await expect(connectOver({ PATH: "/nowhere" })).rejects.toMatchObject({
      code: "ENGINE_BAD_ENDPOINT",
      remedy: expect.stringContaining("docker command line"),
    });
  });
});
