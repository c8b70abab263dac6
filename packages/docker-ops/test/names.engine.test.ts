import { afterAll, beforeAll, expect, test } from "vitest";
import { describeEachEngine, makeTinyImage, startEngineProxy, uniqueName } from "@container-kit/testkit";
import type { FaultRule, TinyImage } from "@container-kit/testkit";
import type { Engine } from "../src/index.ts";
import { connect } from "./rig.ts";

describeEachEngine("the names and ids of an image", (rig) => {
  let engine: Engine;
  let image: TinyImage;
  const name = () => `${rig.registry.host}/${uniqueName("names")}`;

  beforeAll(async () => {
    engine = await connect(rig);
    image = await makeTinyImage(rig);
  });

  afterAll(() => image.remove());

  test("what a tag will do is told before it is done, and nothing is done where that is refused", async () => {
    const tag = `${uniqueName("planned")}:1`;
    const refused = engine.tag(image.reference, tag, {
      onPlan: (plan) => {
        expect(plan).toEqual({ imageId: image.imageId, target: tag, replaced: null });
        throw new Error("not now");
      },
    });
    await expect(refused).rejects.toThrow("not now");
    await expect(engine.inspect(tag)).rejects.toMatchObject({ code: "IMAGE_NOT_FOUND" });
  });

  test("a short image id is taken for the image by a tag, refused for a push, and told of by a failed pull", async () => {
    const digits = image.imageId.slice("sha256:".length, "sha256:".length + 14);
    const tag = `${uniqueName("short")}:1`;
    expect(await engine.tag(digits, tag)).toMatchObject({ imageId: image.imageId });
    const nowhere = `${name()}:1`;
    for (const attempt of [
      () => engine.push(digits),
      () => engine.push(`sha256:${digits}`),
      () => engine.push(digits, { target: nowhere }),
    ])
      await expect(attempt()).rejects.toMatchObject({
        code: "INVALID_REFERENCE",
        remedy: expect.stringContaining("tag_image"),
      });
    const rule: FaultRule = {
      match: /^POST \/images\/create/,
      fault: {
        kind: "answer",
        status: 404,
        body: '{"message":"pull access denied for it, repository does not exist"}',
      },
    };
    const proxy = await startEngineProxy({ target: rig.engine.host, rules: [rule] });
    try {
      const faulty = await connect(rig, { DOCKER_HOST: proxy.host });
      for (const text of [digits, `sha256:${digits}`])
        await expect(faulty.pull(text)).rejects.toMatchObject({
          code: "IMAGE_NOT_FOUND",
          remedy: expect.stringContaining(image.imageId),
        });
      expect(proxy.fired(rule)).toBe(2);
    } finally {
      await proxy.close();
    }
    await expect(engine.tag("0123456789abcdef0", tag)).rejects.toMatchObject({ code: "IMAGE_NOT_FOUND" });
  });

  test("a name that looks like a short image id is a name first", async () => {
    const other = await makeTinyImage(rig);
    const digits = image.imageId.slice("sha256:".length, "sha256:".length + 14);
    await engine.tag(other.imageId, digits);
    const tag = `${uniqueName("named")}:1`;
    expect(await engine.tag(digits, tag)).toMatchObject({ imageId: other.imageId });
    await engine.remove(digits);
    await other.remove();
  });

  test("two tags of one name at once are given one after the other, and the later one is a CONFLICT", async () => {
    const other = await makeTinyImage(rig);
    const tag = `${uniqueName("raced")}:1`;
    const ends = await Promise.allSettled([image, other].map(({ imageId }) => engine.tag(imageId, tag)));
    const { imageId } = await engine.inspect(tag);
    expect(ends.find(({ status }) => status === "fulfilled")).toMatchObject({ value: { imageId, replaced: null } });
    expect(ends.find(({ status }) => status === "rejected")).toMatchObject({
      reason: { code: "CONFLICT", details: { existing: imageId } },
    });
    const target = `${name()}:1`;
    const pushes = await Promise.all([image, other].map(({ reference }) => engine.push(reference, { target })));
    expect(pushes.filter(({ replaced }) => replaced === null)).toHaveLength(1);
    expect(new Set(pushes.map(({ digest }) => digest)).size).toBe(2);
    await other.remove();
  });

  test("one of several names is removed, and the last one with the image", async () => {
    const other = await makeTinyImage(rig);
    const tag = `${uniqueName("second")}:1`;
    await engine.tag(other.reference, tag);
    expect(await engine.remove(tag)).toEqual({ untagged: [tag], deleted: [] });
    const { deleted } = await engine.remove(other.imageId);
    expect(deleted[0]?.replace(/^(?:sha256:)?/, "sha256:")).toBe(other.imageId);
  });
});
