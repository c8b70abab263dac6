import { afterAll, beforeAll, expect, test } from "vitest";
import {
  describeEachEngine,
  describeWithDocker,
  makeTinyImage,
  startEngineProxy,
  startFaultRegistry,
  uniqueName,
} from "@container-kit/testkit";
import type {
  EngineProxy,
  FaultRegistry,
  FaultRule,
  LoadedRig,
  RegistryFaultRule,
  TinyImage,
} from "@container-kit/testkit";
import type { Engine, Progress } from "../src/index.ts";
import { connect, dockerConfig } from "./rig.ts";

const CREATE = /^POST \/(v[\d.]+\/)?images\/create/;
const MANIFEST = /^HEAD .*\/manifests\//;

interface Stage {
  readonly registry: FaultRegistry;
  readonly engine: Engine;
  /** An image that is in the registry and in the engine. */
  readonly target: string;
  readonly digest: string;
}

/** What the tests of one engine work with. */
function setStage(rig: LoadedRig) {
  let image: TinyImage;
  beforeAll(async () => {
    image = await makeTinyImage(rig, { sizeBytes: 300_000 });
  });

  afterAll(() => image.remove());

  /** A registry of the test's own with an image in it, and an engine that has signed in there, perhaps over a proxy. */
  async function onStage(rules: readonly RegistryFaultRule[], play: (stage: Stage) => Promise<void>, host?: string) {
    const registry = await startFaultRegistry();
    const config = dockerConfig({ [registry.host]: { username: "test", password: "test" } });
    try {
      const engine = await connect(rig, {
        DOCKER_CONFIG: config.folder,
        ...(host === undefined ? {} : { DOCKER_HOST: host }),
      });
      const target = `${registry.host}/${uniqueName("pull")}:1`;
      const { digest } = await (await connect(rig, { DOCKER_CONFIG: config.folder })).push(image.reference, { target });
      registry.setRules(rules);
      await play({ registry, engine, target, digest });
      await engine.remove(target).catch(() => undefined);
    } finally {
      config.remove();
      await registry.close();
    }
  }

  async function withProxy(rules: readonly FaultRule[], play: (proxy: EngineProxy) => Promise<void>): Promise<void> {
    const proxy = await startEngineProxy({ target: rig.engine.host, rules });
    try {
      await play(proxy);
    } finally {
      await proxy.close();
    }
  }

  return { onStage, withProxy };
}

describeEachEngine("a pull", (rig) => {
  const { onStage, withProxy } = setStage(rig);

  test("gives a present image with a warning when the registry cannot be asked", () => {
    const rule: RegistryFaultRule = { match: MANIFEST, fault: { kind: "answer", status: 503 } };
    return onStage([rule], async ({ registry, engine, target, digest }) => {
      expect(await engine.pull(target)).toMatchObject({
        freshness: "unchecked",
        alreadyPresent: true,
        // Podman knows a digest of its own making until it has pulled the image itself.
        ...(engine.profile.registryDigests ? { digest } : {}),
        warnings: [expect.stringContaining("503")],
      });
      expect(registry.fired(rule)).toBeGreaterThan(0);
    });
  });
  test("of a digest that is present asks nobody but the engine", () =>
    onStage([], async ({ registry, engine, target, digest }) => {
      // Podman learns what a registry calls an image by pulling it.
      if (!engine.profile.registryDigests) await engine.pull(target);
      const before = registry.requests().length;
      const pinned = `${target.slice(0, target.lastIndexOf(":"))}@${digest}`;
      expect(await engine.pull(pinned)).toMatchObject({ freshness: "pinned", digest, bytes: 0 });
      expect(registry.requests().length).toBe(before);
    }));

  test("transfers a tag that has moved, and one that is absent, and remembers both", () =>
    onStage([], async ({ engine, target }) => {
      const other = await makeTinyImage(rig, { sizeBytes: 1000 });
      const local = (await engine.inspect(target)).imageId;
      const moved = await engine.push(other.reference, { target });
      await engine.tag(local, target, { force: true });
      expect(await engine.pull(target)).toMatchObject({
        freshness: "transferred",
        imageId: other.imageId,
        digest: moved.digest,
        alreadyPresent: false,
      });
      expect(await engine.pull(target)).toMatchObject({ freshness: "cache", imageId: other.imageId });
      await engine.remove(target);
      expect(await engine.pull(target)).toMatchObject({ freshness: "transferred", digest: moved.digest });
      expect(await engine.pull(target, { force: true })).toMatchObject({ freshness: "transferred" });
      await other.remove();
    }));

  test("that is wanted by many at once is transferred once, and each gets progress and the image", () =>
    withProxy([{ match: CREATE, fault: { kind: "slow", delayMs: 300 } }], (proxy) =>
      onStage(
        [],
        async ({ engine, target, digest }) => {
          await engine.remove(target);
          const told = [0, 0, 0, 0];
          const pulls = told.map((_none, caller) =>
            engine.pull(target, { onProgress: () => void (told[caller] = (told[caller] ?? 0) + 1) }),
          );
          for (const result of await Promise.all(pulls)) {
            expect(result).toMatchObject({ digest, freshness: "transferred" });
          }
          expect(told.every((count) => count > 0)).toBe(true);
          expect(proxy.requests().filter(({ method, path }) => CREATE.test(`${method} ${path}`))).toHaveLength(1);
        },
        proxy.host,
      ),
    ));

  test("goes on for the others when one leaves, and is ended when the last has left", () =>
    withProxy([{ match: CREATE, fault: { kind: "slow", delayMs: 500 } }], (proxy) =>
      onStage(
        [],
        async ({ engine, target, digest }) => {
          await engine.remove(target);
          const controller = new AbortController();
          const leaving = engine.pull(target, { signal: controller.signal });
          const hasty = engine.pull(target, { deadlineMs: 150 });
          const staying = engine.pull(target);
          setTimeout(() => controller.abort(), 100);
          await expect(leaving).rejects.toMatchObject({ code: "CANCELLED" });
          await expect(hasty).rejects.toMatchObject({ code: "ENGINE_TIMEOUT" });
          expect(await staying).toMatchObject({ digest });
          await engine.remove(target);
          await expect(engine.pull(target, { deadlineMs: 150 })).rejects.toMatchObject({ code: "ENGINE_TIMEOUT" });
          expect(await engine.pull(target)).toMatchObject({ digest });
        },
        proxy.host,
      ),
    ));

  test("whose engine goes away in the middle is begun again, and says so", () => {
    const rule: FaultRule = { match: CREATE, fault: { kind: "cut", afterBytes: 60 }, times: 2 };
    return withProxy([rule], (proxy) =>
      onStage(
        [],
        async ({ engine, target, digest }) => {
          await engine.remove(target);
          const seen: Progress[] = [];
          const pulled = await engine.pull(target, { onProgress: (progress) => void seen.push(progress) });
          expect(pulled).toMatchObject({ digest, freshness: "transferred" });
          expect(proxy.fired(rule)).toBe(2);
          expect(seen.filter(({ message }) => message.includes("went away"))).toHaveLength(2);
        },
        proxy.host,
      ),
    );
  });

  test("whose engine goes away every time is told as that after three more attempts", () => {
    const rule: FaultRule = { match: CREATE, fault: { kind: "cut", afterBytes: 60 } };
    return withProxy([rule], (proxy) =>
      onStage(
        [],
        async ({ engine, target }) => {
          await engine.remove(target);
          await expect(engine.pull(target)).rejects.toMatchObject({ code: "ENGINE_RESTARTED" });
          expect(proxy.fired(rule)).toBe(4);
        },
        proxy.host,
      ),
    );
  });

  test("of a damaged blob brings nothing", () => {
    const rule: RegistryFaultRule = {
      match: /^GET .*\/blobs\//,
      fault: { kind: "replace", body: (body) => (body.length < 4000 ? body : Buffer.alloc(body.length, "x")) },
      signedIn: true,
    };
    return onStage([], async ({ registry, engine, target }) => {
      const own = await makeTinyImage(rig, { sizeBytes: 5000 });
      await engine.push(own.reference, { target });
      await engine.remove(target);
      await own.remove();
      registry.setRules([rule]);
      await expect(engine.pull(target)).rejects.toMatchObject({ code: "DIGEST_MISMATCH" });
      expect(registry.fired(rule)).toBeGreaterThan(0);
      await expect(engine.inspect(target)).rejects.toMatchObject({ code: "IMAGE_NOT_FOUND" });
    });
  }, 60_000);
});

// Podman does not say which of an image's digests is a registry's, and itself waits where a registry asks it to.
describeWithDocker("a pull by Docker", (rig) => {
  const { onStage, withProxy } = setStage(rig);
  test("asks the registry about a present tag once, and from then on only the engine, once a pull", () =>
    withProxy([], (proxy) =>
      onStage(
        [],
        async ({ registry, engine, target, digest }) => {
          const before = registry.requests().length;
          expect(await engine.pull(target)).toMatchObject({ freshness: "registry", alreadyPresent: true, digest });
          expect(registry.requests().length - before).toBe(2);
          const asked = proxy.requests().length;
          const again = await engine.pull(target);
          expect(again).toMatchObject({ freshness: "cache", alreadyPresent: true, digest, bytes: 0, warnings: [] });
          expect(registry.requests().length - before).toBe(2);
          expect(proxy.requests().length - asked).toBe(1);
        },
        proxy.host,
      ),
    ));

  const refusals: readonly (readonly [string, RegistryFaultRule["fault"], string])[] = [
    ["answers 503", { kind: "answer", status: 503 }, "503"],
    ["rate-limits", { kind: "answer", status: 429, headers: { "retry-after": "600" } }, "fewer requests"],
    ["refuses the password", { kind: "answer", status: 401 }, "did not accept"],
    ["denies", { kind: "answer", status: 403 }, "refuses"],
    ["has no such image", { kind: "answer", status: 404 }, "no such image"],
    ["breaks the connection", { kind: "reset" }, "cannot be reached"],
    ["hangs", { kind: "hang" }, "did not answer within 5000 ms"],
  ];

  test.each(refusals)(
    "gives a present image with a warning when the registry %s",
    (_what, fault, why) => {
      const rule: RegistryFaultRule = { match: MANIFEST, fault };
      return onStage([rule], async ({ registry, engine, target, digest }) => {
        expect(await engine.pull(target)).toMatchObject({
          freshness: "unchecked",
          alreadyPresent: true,
          digest,
          warnings: [expect.stringContaining(why)],
        });
        expect(registry.fired(rule)).toBeGreaterThan(0);
      });
    },
    15_000,
  );

  test("that the registry asks to wait is waited for, and too long a wait is told", () => {
    const limited = (seconds: string, times: number): RegistryFaultRule => ({
      match: /^(GET|HEAD) .*\/manifests\//,
      fault: {
        kind: "answer",
        status: 429,
        headers: { "retry-after": seconds, "content-type": "application/json" },
        body: '{"errors":[{"code":"TOOMANYREQUESTS","message":"slow down"}]}',
      },
      times,
    });
    const rule = limited("1", 2);
    return onStage([], async ({ registry, engine, target, digest }) => {
      await engine.remove(target);
      registry.setRules([rule]);
      const seen: string[] = [];
      const pulled = await engine.pull(target, { onProgress: ({ message }) => void seen.push(message) });
      expect(pulled).toMatchObject({ digest });
      expect(registry.fired(rule)).toBe(2);
      expect(seen.some((message) => /asks to wait \d s/.test(message))).toBe(true);
      await engine.remove(target);
      registry.setRules([limited("3600", 9)]);
      await expect(engine.pull(target)).rejects.toMatchObject({
        code: "REGISTRY_RATE_LIMITED",
        details: { retryAfterMs: 3_600_000 },
      });
    });
  }, 20_000);
});
