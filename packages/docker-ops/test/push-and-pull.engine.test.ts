import { afterAll, beforeAll, expect, test } from "vitest";
import { describeEachEngine, makeTinyImage, startEngineProxy, startRegistry, uniqueName } from "@container-kit/testkit";
import type { FaultRule, TestRegistry, TinyImage } from "@container-kit/testkit";
import type { Engine } from "../src/index.ts";
import { askRegistry, connect, dockerConfig } from "./rig.ts";

const PUSH = /^POST \/images\/.*\/push/;

describeEachEngine("push, pull and tag on a real engine and registry", (rig) => {
  let engine: Engine;
  let image: TinyImage;
  const name = () => `${rig.registry.host}/${uniqueName("push")}`;

  beforeAll(async () => {
    engine = await connect(rig);
    image = await makeTinyImage(rig, { sizeBytes: 200_000 });
  });

  afterAll(() => image.remove());

  test("a push is reported with the digest that the registry answers for", async () => {
    const target = `${name()}:1.0`;
    const phases = new Set<string>();
    const pushed = await engine.push(image.reference, { target, onProgress: ({ phase }) => phases.add(phase) });
    expect(pushed).toMatchObject({ image: target, verified: true });
    // Podman does not tell of layers.
    if (engine.profile.pushAux) expect(pushed.layers).toEqual({ total: 1, existing: 0 });
    const repository = target.slice(rig.registry.host.length + 1, -4);
    const truth = await askRegistry(rig, "HEAD", `/v2/${repository}/manifests/${pushed.digest}`);
    expect(truth.status).toBe(200);
    expect(truth.headers.get("docker-content-digest")).toBe(pushed.digest);
    expect([...phases]).toEqual(["pushing", "verifying"]);
    const again = await engine.push(target);
    expect(again.digest).toBe(pushed.digest);
    if (engine.profile.pushAux) expect(again.layers).toEqual({ total: 1, existing: 1 });
  });

  test("what was pushed is pulled again, by tag and by digest, and a second pull transfers nothing", async () => {
    const target = `${name()}:1`;
    const { digest } = await engine.push(image.reference, { target });
    await engine.remove(target);
    const pulled = await engine.pull(target);
    expect(pulled).toMatchObject({ image: target, imageId: image.imageId, digest });
    expect(await engine.pull(target)).toMatchObject({ alreadyPresent: true, bytes: 0 });
    const byDigest = `${target.slice(0, target.lastIndexOf(":"))}@${digest}`;
    expect(await engine.pull(byDigest)).toMatchObject({ imageId: image.imageId, digest });
  });

  test("a present image needs no credential, unless it is to be pulled again; another platform is not passed off as the one that was asked for", async () => {
    const target = `${name()}:1`;
    const { digest } = await engine.push(image.reference, { target });
    const none = dockerConfig({});
    const withoutCredentials = await connect(rig, { DOCKER_CONFIG: none.folder });
    expect(await withoutCredentials.pull(target)).toMatchObject({
      alreadyPresent: true,
      digest: engine.profile.pushAux ? digest : "",
      bytes: 0,
      freshness: "unchecked",
      warnings: [expect.stringContaining("was not checked")],
    });
    await expect(withoutCredentials.pull(target, { force: true })).rejects.toMatchObject({ code: "AUTH_FAILED" });
    none.remove();
    const { platform } = await engine.inspect(target);
    expect(await engine.pull(target, { platform })).toMatchObject({ alreadyPresent: true });
    await expect(engine.pull(target, { platform: "linux/s390x" })).rejects.toMatchObject({
      code: "IMAGE_NOT_FOUND",
    });
  });

  test("a push that fails takes back the name that it gave the image", async () => {
    const target = `127.0.0.1:1/${uniqueName()}:1`;
    await expect(engine.push(image.reference, { target })).rejects.toMatchObject({ code: "REGISTRY_UNAVAILABLE" });
    await expect(engine.inspect(target)).rejects.toMatchObject({ code: "IMAGE_NOT_FOUND" });
    const other = await makeTinyImage(rig);
    await engine.tag(other.reference, target);
    await expect(engine.push(image.reference, { target })).rejects.toMatchObject({ code: "REGISTRY_UNAVAILABLE" });
    expect((await engine.inspect(target)).imageId).toBe(other.imageId);
    await other.remove();
  });

  test("a repository of three parts is pushed exactly there", async () => {
    const repository = `org/team/${uniqueName("deep").slice(8)}`;
    await engine.push(image.reference, { target: `${rig.registry.host}/${repository}:1` });
    expect((await askRegistry(rig, "HEAD", `/v2/${repository}/manifests/1`)).status).toBe(200);
  });

  test("a wrong password is AUTH_FAILED, and the registry has nothing", async () => {
    const target = `${name()}:1`;
    await engine.tag(image.reference, target);
    const wrong = dockerConfig({
      [rig.registry.host]: { username: rig.registry.username, password: "wrong-password" },
    });
    const other = await connect(rig, { DOCKER_CONFIG: wrong.folder });
    await expect(other.push(target)).rejects.toMatchObject({
      code: "AUTH_FAILED",
      retryable: false,
      details: { credentialSource: "file" },
    });
    wrong.remove();
    const repository = target.slice(rig.registry.host.length + 1, -2);
    expect((await askRegistry(rig, "HEAD", `/v2/${repository}/manifests/1`)).status).toBe(404);
  });

  test("missing credentials are AUTH_FAILED with the way to sign in", async () => {
    const target = `${name()}:1`;
    await engine.tag(image.reference, target);
    const none = dockerConfig({});
    const other = await connect(rig, { DOCKER_CONFIG: none.folder });
    await expect(other.push(target)).rejects.toMatchObject({
      code: "AUTH_FAILED",
      remedy: expect.stringContaining("docker login"),
      details: { credentialSource: "none" },
    });
    none.remove();
  });

  test("an unreachable registry is REGISTRY_UNAVAILABLE, and worth a retry", async () => {
    const target = `127.0.0.1:1/${uniqueName()}:1`;
    await engine.tag(image.reference, target);
    await expect(engine.push(target)).rejects.toMatchObject({ code: "REGISTRY_UNAVAILABLE", retryable: true });
    await expect(engine.pull(target, { force: true })).rejects.toMatchObject({ code: "REGISTRY_UNAVAILABLE" });
  });

  test("an image that is nowhere is IMAGE_NOT_FOUND for every operation", async () => {
    const nowhere = `${name()}:none`;
    for (const attempt of [
      () => engine.push(nowhere),
      () => engine.pull(nowhere),
      () => engine.inspect(nowhere),
      () => engine.tag(nowhere, "x:1"),
      () => engine.remove(nowhere),
      () => engine.history(nowhere),
    ]) {
      await expect(attempt()).rejects.toMatchObject({ code: "IMAGE_NOT_FOUND" });
    }
  });

  test.each(["", "UPPER:1", "a b", "--help", "../x", "http://x/y", "x@sha256:zz"])(
    "the reference %j is refused before the engine is asked",
    async (text) => {
      for (const attempt of [
        () => engine.push(text),
        () => engine.pull(text),
        () => engine.inspect(text),
        () => engine.tag("x:1", text),
      ]) {
        await expect(attempt()).rejects.toMatchObject({
          code: expect.stringMatching(/^INVALID_REFERENCE$|^IMAGE_NOT_FOUND$/),
        });
      }
      await expect(engine.push(text)).rejects.toMatchObject({ code: "INVALID_REFERENCE" });
    },
  );

  test("an image id and a digest are refused for a push, with what to do", async () => {
    await expect(engine.push(image.imageId)).rejects.toMatchObject({
      code: "INVALID_REFERENCE",
      remedy: expect.stringContaining("tag_image"),
    });
    await expect(engine.push(`x@sha256:${"a".repeat(64)}`)).rejects.toMatchObject({ code: "INVALID_REFERENCE" });
  });

  test("a tag is moved from another image only with force, and what it was is told", async () => {
    const other = await makeTinyImage(rig);
    const tag = `${uniqueName("moved")}:1`;
    expect(await engine.tag(image.reference, tag)).toEqual({
      imageId: image.imageId,
      target: tag,
      replaced: null,
      via: "api",
    });
    expect(await engine.tag(image.imageId, tag)).toMatchObject({ replaced: image.imageId });
    await expect(engine.tag(other.reference, tag)).rejects.toMatchObject({
      code: "CONFLICT",
      details: { existing: image.imageId },
    });
    expect(await engine.tag(other.reference, tag, { force: true })).toMatchObject({
      imageId: other.imageId,
      replaced: image.imageId,
    });
    await other.remove();
  });

  test("no images are no archive", async () => {
    await expect(engine.save([])).rejects.toMatchObject({ code: "INVALID_INPUT" });
  });

  test("two registries on one host never get each other's password", async () => {
    const [one, two] = await Promise.all([
      startRegistry({ users: { a: "pass:one" } }),
      startRegistry({ users: { b: "pass two" } }),
    ]);
    const config = dockerConfig({
      [one.host]: { username: "a", password: "pass:one" },
      [two.host]: { username: "b", password: "pass two" },
    });
    const both = await connect(rig, { DOCKER_CONFIG: config.folder });
    for (const { host } of [one, two]) {
      expect(await both.push(image.reference, { target: `${host}/${uniqueName()}:1` })).toMatchObject({
        verified: true,
      });
    }
    config.remove();
    await Promise.all([one, two].map((registry: TestRegistry) => registry.close()));
  });

  test("images are listed, saved and loaded", async () => {
    const listed = await engine.list();
    expect(listed.map(({ imageId }) => imageId)).toContain(image.imageId);
    const archive = await engine.save([image.reference]);
    expect((await engine.load(archive)).images).toEqual([image.reference]);
    expect((await engine.history(image.reference)).length).toBeGreaterThan(0);
  });

  const faults: readonly (readonly [string, FaultRule["fault"], string])[] = [
    ["ends cleanly before the push is done", { kind: "end", afterBytes: 60 }, "ENGINE_PROTOCOL"],
    ["breaks in the middle", { kind: "cut", afterBytes: 60 }, "ENGINE_RESTARTED"],
    [
      "answers with a page",
      { kind: "answer", status: 200, body: "<html>proxy</html>", contentType: "text/html" },
      "ENGINE_PROTOCOL",
    ],
    [
      "says unauthorized in the stream, without a newline",
      {
        kind: "answer",
        status: 200,
        body: '{"status":"Preparing"}\n{"errorDetail":{"message":"unauthorized: authentication required"},"error":"unauthorized"}',
      },
      "AUTH_FAILED",
    ],
    [
      "says denied and goes on",
      {
        kind: "answer",
        status: 200,
        body: '{"error":"denied: requested access to the resource is denied"}\n{"status":"Pushed"}\n',
      },
      "REGISTRY_DENIED",
    ],
    ["answers 500", { kind: "answer", status: 500, body: '{"message":"something broke"}' }, "ENGINE_ERROR"],
    [
      "answers 500 with a page",
      { kind: "answer", status: 500, body: "<html>", contentType: "text/html" },
      "ENGINE_ERROR",
    ],
    ["closes the connection", { kind: "reset" }, "ENGINE_RESTARTED"],
    [
      "says it pushed a digest that the registry has not",
      {
        kind: "answer",
        status: 200,
        body: `{"status":"1: digest: sha256:${"a".repeat(64)} size: 1"}\n{"progressDetail":{},"aux":{"Tag":"1","Digest":"sha256:${"a".repeat(64)}","Size":1}}\n`,
      },
      "PUSH_UNVERIFIED",
    ],
    // Podman never tells what it pushed, so the registry is what says no.
    ["ends without a word", { kind: "answer", status: 200, body: "" }, "ENGINE_PROTOCOL|PUSH_UNVERIFIED"],
  ];

  test.each(faults)("an engine that %s is never a success", async (_what, fault, code) => {
    const rule: FaultRule = { match: PUSH, fault };
    const proxy = await startEngineProxy({ target: rig.engine.host, rules: [rule] });
    try {
      const faulty = await connect(rig, { DOCKER_HOST: proxy.host });
      const target = `${name()}:1`;
      await expect(faulty.push(image.reference, { target })).rejects.toMatchObject({
        code: expect.stringMatching(new RegExp(`^(?:${code})$`)),
      });
      expect(proxy.fired(rule)).toBe(1);
    } finally {
      await proxy.close();
    }
  });

  test("an engine that hangs ends at the deadline, and a cancelled push at once", async () => {
    const rule: FaultRule = { match: PUSH, fault: { kind: "hang" } };
    const proxy = await startEngineProxy({ target: rig.engine.host, rules: [rule] });
    try {
      const faulty = await connect(rig, { DOCKER_HOST: proxy.host });
      await engine.tag(image.reference, `${rig.registry.host}/hang:1`, { force: true });
      await expect(faulty.push(`${rig.registry.host}/hang:1`, { deadlineMs: 300 })).rejects.toMatchObject({
        code: "ENGINE_TIMEOUT",
      });
      const controller = new AbortController();
      const push = faulty.push(`${rig.registry.host}/hang:1`, { signal: controller.signal });
      setTimeout(() => controller.abort(), 100);
      await expect(push).rejects.toMatchObject({ code: "CANCELLED" });
      expect(proxy.fired(rule)).toBe(2);
    } finally {
      await proxy.close();
    }
  });

  test("a push that is cancelled in the middle leaves no manifest", async () => {
    const large = await makeTinyImage(rig, { sizeBytes: 60_000_000 });
    const target = `${name()}:1`;
    const controller = new AbortController();
    const push = engine.push(large.reference, {
      target,
      signal: controller.signal,
      onProgress: ({ current = 0 }) => {
        if (current > 0) controller.abort();
      },
    });
    // Podman does not tell how far it is.
    if (!engine.profile.pushAux) setTimeout(() => controller.abort(), 100);
    await expect(push).rejects.toMatchObject({ code: "CANCELLED" });
    const repository = target.slice(rig.registry.host.length + 1, -2);
    expect((await askRegistry(rig, "HEAD", `/v2/${repository}/manifests/1`)).status).toBe(404);
    await large.remove();
  });

  test("a pull whose stream ends early is no success", async () => {
    const target = `${name()}:1`;
    await engine.push(image.reference, { target });
    await engine.remove(target);
    const rule: FaultRule = {
      match: /^POST \/images\/create/,
      fault: { kind: "answer", status: 200, body: '{"status":"Pulling from x"}\n' },
    };
    const proxy = await startEngineProxy({ target: rig.engine.host, rules: [rule] });
    try {
      const faulty = await connect(rig, { DOCKER_HOST: proxy.host });
      await expect(faulty.pull(target)).rejects.toMatchObject({ code: "ENGINE_PROTOCOL" });
      expect(proxy.fired(rule)).toBe(1);
    } finally {
      await proxy.close();
    }
  });
});
