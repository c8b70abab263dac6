import { afterAll, beforeAll, expect, test } from "vitest";
import { describeEachEngine, startEngineProxy, uniqueName } from "@container-kit/testkit";
import type { FaultRule } from "@container-kit/testkit";
import type { Engine } from "../src/index.ts";
import { publishImage, publishList } from "./published-images.ts";
import { connect } from "./rig.ts";

describeEachEngine("a pull for a platform", (rig) => {
  let engine: Engine;
  let own: string;
  let other: string;
  const made: string[] = [];

  beforeAll(async () => {
    engine = await connect(rig);
    const { os, arch } = engine.profile;
    own = `${os}/${arch}`;
    other = arch === "arm64" ? "linux/amd64" : "linux/arm64";
  });

  afterAll(async () => {
    for (const name of made) await engine.remove(name, { force: true }).catch(() => undefined);
    await engine.close();
  });

  /** A list of both platforms in a repository of its own. */
  async function list() {
    const repository = uniqueName("list");
    const digest = await publishList(rig, repository, "1", [own, other]);
    const target = `${rig.registry.host}/${repository}:1`;
    made.push(target);
    return { target, pinned: `${rig.registry.host}/${repository}@${digest}` };
  }

  test("brings the engine's own after another one was pulled", async () => {
    const { target } = await list();
    await engine.pull(target, { platform: other });
    expect((await engine.inspect(target)).platform).toBe(other);
    expect(await engine.pull(target)).toMatchObject({ freshness: "transferred", alreadyPresent: false });
    expect((await engine.inspect(target)).platform).toBe(own);
    expect(await engine.pull(target)).toMatchObject({ alreadyPresent: true, bytes: 0 });
  });

  test("does not pass off another one for a digest either, also where the engine cannot have both", async () => {
    const { pinned } = await list();
    made.push(pinned);
    await engine.pull(pinned, { platform: other });
    const again = engine.pull(pinned);
    if (engine.profile.product === "docker") {
      await expect(again).rejects.toMatchObject({
        code: "CONFLICT",
        message: expect.stringContaining(other),
        remedy: expect.stringContaining("Remove"),
      });
      await engine.remove(pinned);
    } else await again;
    await engine.pull(pinned);
    expect((await engine.inspect(pinned)).platform).toBe(own);
    expect(await engine.pull(pinned)).toMatchObject({ freshness: "pinned" });
  });

  test("brings without one what is published for another platform alone", async () => {
    const repository = uniqueName("foreign");
    await publishImage(rig, repository, "1", other);
    const target = `${rig.registry.host}/${repository}:1`;
    made.push(target);
    for (const alreadyPresent of [false, true])
      expect(await engine.pull(target)).toMatchObject({ alreadyPresent, freshness: "transferred" });
    expect((await engine.inspect(target)).platform).toBe(other);
  });

  test("takes every spelling of one platform for it", async () => {
    const { target } = await list();
    const [os = "", arch = ""] = own.split("/");
    const { imageId } = await engine.pull(target);
    const spellings = [own.toUpperCase(), arch, `${os}/${arch}/${arch === "arm64" ? "v8" : "v1"}`];
    for (const platform of [...spellings, ...(arch === "amd64" ? ["linux/x86_64"] : [])])
      expect(await engine.pull(target, { platform })).toMatchObject({ imageId, alreadyPresent: true });
    expect(await engine.pull(target, { platform: `${os}/${arch}`, force: true })).toMatchObject({ imageId });
    if (other === "linux/arm64")
      expect(await engine.pull(target, { platform: "linux/arm64/v8" })).toMatchObject({ alreadyPresent: false });
  });

  test("is refused for a text that is none, and IMAGE_NOT_FOUND where the image is not published for it", async () => {
    const { target } = await list();
    await expect(engine.pull(target, { platform: "nonsense" })).rejects.toMatchObject({ code: "INVALID_INPUT" });
    await expect(engine.pull(target, { platform: "linux/s390x" })).rejects.toMatchObject({ code: "IMAGE_NOT_FOUND" });
    await expect(engine.build("/nowhere", { tags: ["x:1"], platform: "a b" })).rejects.toMatchObject({
      code: "INVALID_INPUT",
    });
  });

  test("waits for that of another platform of the same image, and each gets its own", async () => {
    const { target } = await list();
    const rule: FaultRule = { match: /^POST .*\/images\/create/, fault: { kind: "slow", delayMs: 200 } };
    const proxy = await startEngineProxy({ target: rig.engine.host, rules: [rule] });
    try {
      const slow = await connect(rig, { DOCKER_HOST: proxy.host });
      const platforms = [own, other, own];
      const pulled = await Promise.all(platforms.map((platform) => slow.pull(target, { platform, force: true })));
      expect(new Set(pulled.map(({ imageId }) => imageId)).size).toBe(2);
      expect(pulled[0]?.imageId).toBe(pulled[2]?.imageId);
      expect(proxy.fired(rule)).toBe(2);
    } finally {
      await proxy.close();
    }
  });

  test("of a current image counts its layers as present", async () => {
    const { target } = await list();
    const { imageId } = await engine.pull(target);
    const { layers, ...again } = await engine.pull(target, { force: true });
    expect(again).toMatchObject({ imageId, alreadyPresent: true });
    // Podman counts the image's configuration, which it fetches anew.
    expect(layers).toEqual(engine.profile.product === "docker" ? { total: 1, existing: 1 } : { total: 2, existing: 1 });
  });
});
