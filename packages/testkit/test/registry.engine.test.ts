import { afterEach, expect, test } from "vitest";
import { describeEachEngine, engineRequest, makeTinyImage, registryRequest, startRegistry } from "../src/index.ts";
import type { TestRegistry } from "../src/index.ts";

describeEachEngine("registries", (rig) => {
  const started: TestRegistry[] = [];
  afterEach(async () => {
    for (const registry of started.splice(0)) await registry.close();
  });

  test("the rig's registry asks for a password and takes the rig's", async () => {
    const { host, username } = rig.registry;
    expect((await registryRequest({ host }, "GET", "/v2/")).status).toBe(401);
    expect((await registryRequest({ host, username, password: "wrong" }, "GET", "/v2/")).status).toBe(401);
    expect((await registryRequest({ host, username, password: rig.password }, "GET", "/v2/")).status).toBe(200);
  });

  test("a registry of a test's own knows its own users only, and is gone after close", async () => {
    const registry = await startRegistry({ users: { ann: 'a:b "c"', bob: "b" } });
    started.push(registry);
    const { host } = registry;
    for (const [username, password, status] of [
      ["ann", 'a:b "c"', 200],
      ["bob", "b", 200],
      ["ann", "b", 401],
      [rig.registry.username, rig.password, 401],
    ] as const) {
      expect((await registryRequest({ host, username, password }, "GET", "/v2/")).status).toBe(status);
    }
    await registry.close();
    await expect(registryRequest({ host }, "GET", "/v2/")).rejects.toThrow();
  });

  test("an image that the engine pushed is found by a direct request, and nothing else is", async () => {
    const { host, username } = rig.registry;
    const access = { host, username, password: rig.password };
    const reference = `${host}/testkit/pushed-${Date.now()}:1`;
    const repository = reference.slice(host.length + 1, -2);
    const image = await makeTinyImage(rig, { reference });
    try {
      // URL-safe and padded: the engine ignores a header without padding.
      const credential = JSON.stringify({ ...access, serveraddress: host });
      const auth = Buffer.from(credential).toString("base64").replaceAll("+", "-").replaceAll("/", "_");
      // Podman wants to be told that plain HTTP is meant; Docker takes it from loopback.
      const path = `/images/${host}/${repository}/push?tag=1&tlsVerify=false`;
      const pushed = await engineRequest(rig.engine.host, "POST", path, { headers: { "x-registry-auth": auth } });
      expect(pushed.text).not.toContain("errorDetail");
      const manifest = await registryRequest(access, "HEAD", `/v2/${repository}/manifests/1`);
      expect(manifest.status).toBe(200);
      expect(manifest.headers.get("docker-content-digest")).toMatch(/^sha256:/);
      expect((await registryRequest(access, "HEAD", `/v2/${repository}/manifests/2`)).status).toBe(404);
    } finally {
      await image.remove();
    }
  });
});
