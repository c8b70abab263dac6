import { afterAll, beforeAll, expect, test } from "vitest";
import { describeWithDocker, makeTinyImage, startRegistry, uniqueName } from "@container-kit/testkit";
import type { LoadedRig, RigEngine, TestRegistry, TinyImage } from "@container-kit/testkit";
import type { Engine } from "../src/index.ts";
import { connect, dockerConfig } from "./rig.ts";

describeWithDocker("Docker and Podman in one process", (rig) => {
  const podman = "absent" in rig.podman ? undefined : rig.podman;
  const both = test.skipIf(podman === undefined);
  const absent = podman === undefined ? " (skipped: there is no Podman beside the engine)" : "";
  let registry: TestRegistry;
  let config: ReturnType<typeof dockerConfig>;
  let engines: { readonly docker: Engine; readonly podman: Engine };
  let images: readonly TinyImage[] = [];

  /** Its own connection, so that each test counts from nothing. */
  const open = (engine: RigEngine) =>
    connect(rig, { DOCKER_CONFIG: config.folder, DOCKER_HOST: engine.host, CONTAINER_HOST: engine.host });

  beforeAll(async () => {
    if (podman === undefined) return;
    registry = await startRegistry({ users: { me: "pass" } });
    config = dockerConfig({ [registry.host]: { username: "me", password: "pass" } });
    engines = { docker: await open(rig.engine), podman: await open(podman) };
    images = await Promise.all([rig.engine, podman].map((engine) => makeTinyImage({ engine })));
  });

  afterAll(async () => {
    if (podman === undefined) return;
    await Promise.all(images.map((image) => image.remove()));
    await Promise.all([engines.docker.close(), engines.podman.close()]);
    config.remove();
    await registry.close();
  });

  both(`each has its own identity, profile and images${absent}`, async () => {
    const { docker, podman } = engines;
    expect(docker.profile.product).toBe("docker");
    expect(podman.profile.product).toBe("podman");
    expect(docker.identity).not.toEqual(podman.identity);
    expect(docker.endpoint.host).not.toBe(podman.endpoint.host);
    const [ofDocker, ofPodman] = images.map(({ reference }) => reference);
    await expect(docker.inspect(ofPodman ?? "")).rejects.toMatchObject({ code: "IMAGE_NOT_FOUND" });
    await expect(podman.inspect(ofDocker ?? "")).rejects.toMatchObject({ code: "IMAGE_NOT_FOUND" });
  });

  both(`what one pushes the other pulls with the same digest, both at once${absent}`, async () => {
    const [ofDocker, ofPodman] = images.map(({ reference }) => reference);
    const targets = [`${registry.host}/${uniqueName("of-docker")}:1`, `${registry.host}/${uniqueName("of-podman")}:1`];
    const [fromDocker = "", fromPodman = ""] = targets;
    const pushed = await Promise.all([
      engines.docker.push(ofDocker ?? "", { target: fromDocker }),
      engines.podman.push(ofPodman ?? "", { target: fromPodman }),
    ]);
    const pulled = await Promise.all([engines.podman.pull(fromDocker), engines.docker.pull(fromPodman)]);
    for (const [index, { digest, alreadyPresent }] of pulled.entries()) {
      expect(digest).toBe(pushed[index]?.digest);
      expect(alreadyPresent).toBe(false);
    }
    for (const engine of [engines.docker, engines.podman])
      for (const target of targets) await engine.remove(target, { force: true });
  });

  both(`what one learns of a tag, and what it has done, is not the other's${absent}`, async () => {
    const [docker, other] = [await open(rig.engine), await open((podman ?? rig.engine) satisfies LoadedRig["engine"])];
    const target = `${registry.host}/${uniqueName("fresh")}:1`;
    const { digest } = await docker.push(images[0]?.reference ?? "", { target });
    expect(await docker.pull(target)).toMatchObject({ freshness: "cache", digest });
    expect(await other.pull(target)).toMatchObject({ freshness: "transferred", digest });
    expect(await other.pull(target)).toMatchObject({ freshness: "cache", digest });
    const moved = await other.push(images[1]?.reference ?? "", { target });
    expect(moved.replaced).not.toBeNull();
    // Within its half hour Docker is not asked again, and has the image that it pushed.
    expect(await docker.pull(target)).toMatchObject({ freshness: "cache", digest });
    expect(await docker.pull(target, { force: true })).toMatchObject({ digest: moved.digest });
    const counts = [docker, other].map((engine) => {
      const { push, pull } = engine.metrics();
      return [push?.count, pull?.count];
    });
    expect(counts).toEqual([
      [1, 3],
      [1, 2],
    ]);
    for (const engine of [docker, other]) {
      await engine.remove(target, { force: true });
      await engine.close();
    }
  });
});
