import * as fc from "fast-check";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import {
  describeEachEngine,
  describeWithDocker,
  makeTinyImage,
  registryRequest,
  startEngineProxy,
  startFaultRegistry,
  startRegistry,
  uniqueName,
} from "@container-kit/testkit";
import type {
  EngineProxy,
  FaultRegistry,
  FaultRegistryOptions,
  FaultRule,
  LoadedRig,
  RegistryFaultRule,
  TinyImage,
} from "@container-kit/testkit";
import type { Engine, Progress } from "../src/index.ts";
import { askRegistry, connect, dockerConfig } from "./rig.ts";

const UPLOAD = /^POST .*\/blobs\/uploads\//;
const BY_DIGEST = /^(HEAD|GET) .*\/manifests\/sha256:/;
const BY_TAG = /^(HEAD|GET) .*\/manifests\/1$/;

interface Stage {
  readonly registry: FaultRegistry;
  readonly engine: Engine;
  readonly target: string;
}

/** What the tests of one engine work with. */
function setStage(rig: LoadedRig) {
  let image: TinyImage;
  beforeAll(async () => {
    image = await makeTinyImage(rig, { sizeBytes: 20_000 });
  });

  afterAll(() => image.remove());

  async function onStage(options: FaultRegistryOptions, play: (stage: Stage) => Promise<void>): Promise<void> {
    const registry = await startFaultRegistry(options);
    const config = dockerConfig({ [registry.host]: { username: "test", password: "test" } });
    try {
      const engine = await connect(rig, { DOCKER_CONFIG: config.folder });
      await play({ registry, engine, target: `${registry.host}/${uniqueName("push")}:1` });
    } finally {
      config.remove();
      await registry.close();
    }
  }

  const asksOf = (registry: FaultRegistry, agent: RegExp) =>
    registry
      .requests()
      .filter(({ headers }) => agent.test(headers["user-agent"] ?? ""))
      .map(({ method, path }) => `${method} ${path}`);

  async function throughProxy(rules: readonly FaultRule[], play: (host: string, proxy: EngineProxy) => Promise<void>) {
    const proxy = await startEngineProxy({ target: rig.engine.host, rules });
    try {
      await play(proxy.host, proxy);
    } finally {
      await proxy.close();
    }
  }

  return { onStage, asksOf, throughProxy, image: () => image };
}

describeEachEngine("a push", (rig) => {
  const { onStage, asksOf, image } = setStage(rig);
  test("asks the registry three questions of its own: how to ask, the digest, the tag", () =>
    onStage({}, async ({ registry, engine, target }) => {
      const pushed = await engine.push(image().reference, { target });
      expect(pushed).toMatchObject({ verified: true, replaced: null, warnings: [] });
      expect(pushed).not.toHaveProperty("tagDigest");
      const path = `/v2/${target.slice(registry.host.length + 1, -2)}/manifests`;
      expect(asksOf(registry, /^$/).sort()).toEqual(["GET /v2/", `HEAD ${path}/1`, `HEAD ${path}/${pushed.digest}`]);
      // Podman pushes another manifest than the one that it tells the digest of.
      const freshness = engine.profile.registryDigests ? "cache" : "transferred";
      expect(await engine.pull(target)).toMatchObject({ freshness, digest: pushed.digest });
    }));

  test("says which image its target named before", () =>
    onStage({}, async ({ engine, target }) => {
      const other = await makeTinyImage(rig, { sizeBytes: 100 });
      await engine.tag(other.reference, target);
      expect(await engine.push(image().reference, { target })).toMatchObject({ replaced: other.imageId });
      expect(await engine.push(image().reference, { target })).toMatchObject({ replaced: image().imageId });
      expect(await engine.push(target)).toMatchObject({ replaced: null });
      await other.remove();
    }));

  test("that the registry denies is over at once, though the engine would try again for most of a minute", () => {
    const rule: RegistryFaultRule = { match: UPLOAD, fault: { kind: "answer", status: 403 }, signedIn: true };
    return onStage({ rules: [rule] }, async ({ registry, engine, target }) => {
      const seen: string[] = [];
      const push = engine.push(image().reference, { target, onProgress: ({ message }) => void seen.push(message) });
      await expect(push).rejects.toMatchObject({ code: "REGISTRY_DENIED", details: { credentialSource: "file" } });
      expect(registry.fired(rule)).toBeGreaterThan(0);
      expect(seen.filter((message) => message.includes("Retrying in")).length).toBeLessThan(4);
    });
  });

  test("whose manifest is gone when it is read back is no success", () => {
    const rule: RegistryFaultRule = { match: BY_DIGEST, fault: { kind: "answer", status: 404 }, signedIn: true };
    return onStage({ rules: [rule] }, async ({ registry, engine, target }) => {
      await expect(engine.push(image().reference, { target })).rejects.toMatchObject({ code: "PUSH_UNVERIFIED" });
      expect(registry.fired(rule)).toBeGreaterThan(0);
    });
  });

  test("that reads back another digest than was pushed is DIGEST_MISMATCH with both", () => {
    const found = `sha256:${"b".repeat(64)}`;
    const rule: RegistryFaultRule = {
      match: BY_DIGEST,
      fault: { kind: "replace", headers: { "docker-content-digest": found } },
      signedIn: true,
    };
    return onStage({ rules: [rule] }, async ({ registry, engine, target }) => {
      await expect(engine.push(image().reference, { target })).rejects.toMatchObject({
        code: "DIGEST_MISMATCH",
        details: { found, pushed: expect.stringMatching(/^sha256:/) },
      });
      expect(registry.fired(rule)).toBeGreaterThan(0);
    });
  });

  test("is verified by the manifest itself where the registry tells no digest", () => {
    const rule: RegistryFaultRule = {
      match: /^(HEAD|GET) .*\/manifests\//,
      fault: { kind: "replace", headers: { "docker-content-digest": undefined } },
      signedIn: true,
    };
    return onStage({ rules: [rule] }, async ({ registry, engine, target }) => {
      const { digest } = await engine.push(image().reference, { target });
      const path = `/v2/${target.slice(registry.host.length + 1, -2)}/manifests/1`;
      const truth = await registryRequest(registry.behind, "HEAD", path);
      expect(truth.headers.get("docker-content-digest")).toBe(digest);
      expect(registry.fired(rule)).toBeGreaterThan(1);
    });
  });

  test("whose tag somebody moves meanwhile succeeds, and tells both digests", () =>
    onStage({}, async ({ registry, engine, target }) => {
      const other = await makeTinyImage(rig, { sizeBytes: 100 });
      const moved = await engine.push(other.reference, { target });
      const rule: RegistryFaultRule = {
        match: BY_TAG,
        fault: { kind: "replace", headers: { "docker-content-digest": moved.digest } },
        signedIn: true,
      };
      registry.setRules([rule]);
      const pushed = await engine.push(image().reference, { target });
      expect(pushed).toMatchObject({ verified: true, tagDigest: moved.digest });
      expect(pushed.digest).not.toBe(moved.digest);
      expect(pushed.warnings).toEqual([expect.stringContaining(moved.digest)]);
      expect(pushed.warnings[0]).toContain(pushed.digest);
      expect(registry.fired(rule)).toBeGreaterThan(0);
      await other.remove();
    }));

  test("survives a registry that fails and then rate-limits its read-back", () => {
    const failing: RegistryFaultRule = {
      match: BY_DIGEST,
      fault: { kind: "answer", status: 500 },
      signedIn: true,
      times: 1,
    };
    const limiting: RegistryFaultRule = {
      match: BY_DIGEST,
      fault: { kind: "answer", status: 429, headers: { "retry-after": "0" } },
      signedIn: true,
      times: 1,
    };
    return onStage({ rules: [failing, limiting] }, async ({ registry, engine, target }) => {
      expect(await engine.push(image().reference, { target })).toMatchObject({ verified: true });
      expect([registry.fired(failing), registry.fired(limiting)]).toEqual([1, 1]);
    });
  });

  test("to a registry with a token service is verified with a token", () =>
    onStage({ auth: "bearer" }, async ({ registry, engine, target }) => {
      expect(await engine.push(image().reference, { target })).toMatchObject({ verified: true });
      expect(registry.tokenRequests().every(({ username }) => username === "test")).toBe(true);
    }));

  test("whose registry names a token service elsewhere is not verified with a credential that it never gives away", () =>
    onStage({ auth: "bearer", tokenHost: "other" }, async ({ registry, engine, target }) => {
      await expect(engine.push(image().reference, { target })).rejects.toMatchObject({
        code: "PUSH_UNVERIFIED",
        message: expect.stringContaining("token service"),
      });
      // The engine gives it to any token service; what we ask ourselves carries none.
      const own = registry.requests().filter(({ headers }) => headers["user-agent"] === undefined);
      expect(own.length).toBeGreaterThan(0);
      expect(own.filter(({ headers }) => headers.authorization !== undefined)).toEqual([]);
    }));

  test("brings any password to the registry as it is, from the engine and from us", async () => {
    const awkward = ["a:b", '"', "\\", "line\nbreak", "ü€😀", " around ", "+/=", "x".repeat(72), "%41", "$HOME", "<>&"];
    const text = fc
      .string({ unit: "binary", minLength: 1, maxLength: 15 })
      .filter((value) => !/[\0\uD800-\uDFFF]/.test(value));
    // Each takes Podman a second.
    const [some, numRuns] = rig.engine.kind === "docker" ? [awkward, 24] : [awkward.slice(0, 5), 0];
    const passwords = [...some, ...fc.sample(text, { numRuns, seed: 23 })];
    const users = Object.fromEntries(passwords.map((password, index) => [`user${index}`, password]));
    const registry = await startRegistry({ users });
    try {
      const target = `${registry.host}/${uniqueName("password")}:1`;
      await engineOf(rig, {}).then((engine) => engine.tag(image().reference, target));
      for (const [username, password] of Object.entries(users)) {
        const engine = await engineOf(rig, { [registry.host]: { username, password } });
        expect(await engine.push(target)).toMatchObject({ verified: true });
        const wrong = await engineOf(rig, { [registry.host]: { username, password: `?${password}` } });
        expect(await wrong.checkLogin(registry.host)).toMatchObject({ valid: false, username });
      }
    } finally {
      await registry.close();
    }
  }, 60_000);
});

// Podman neither tries again by itself nor tells what it pushed.
describeWithDocker("a push by Docker", (rig) => {
  const { onStage, asksOf, throughProxy, image } = setStage(rig);
  test("whose credential is refused while the engine waits to try again is over at once", () => {
    const failing: RegistryFaultRule = {
      match: UPLOAD,
      fault: { kind: "answer", status: 503 },
      signedIn: true,
      times: 1,
    };
    const refusing: RegistryFaultRule = { match: UPLOAD, fault: { kind: "answer", status: 401 }, signedIn: true };
    return onStage({ rules: [failing, refusing] }, async ({ registry, engine, target }) => {
      await expect(engine.push(image().reference, { target })).rejects.toMatchObject({
        code: "AUTH_FAILED",
        stage: "transfer",
      });
      // Ours alone: the engine waits for five seconds.
      expect([registry.fired(failing), registry.fired(refusing)]).toEqual([1, 1]);
    });
  });

  test("whose registry fails for a moment goes on with the engine's own retries, told in words", () => {
    const rule: RegistryFaultRule = { match: UPLOAD, fault: { kind: "answer", status: 503 }, signedIn: true, times: 2 };
    return onStage({ rules: [rule] }, async ({ registry, engine, target }) => {
      const seen: Progress[] = [];
      const push = await engine.push(image().reference, { target, onProgress: (progress) => void seen.push(progress) });
      expect(push).toMatchObject({ verified: true });
      expect(registry.fired(rule)).toBe(2);
      expect(seen.some(({ message }) => /Retrying in \d+ second/.test(message))).toBe(true);
    });
  }, 40_000);

  test("takes back the upload that it began to learn whether it may push", () => {
    const rule: RegistryFaultRule = { match: UPLOAD, fault: { kind: "answer", status: 503 }, signedIn: true, times: 1 };
    return onStage({ rules: [rule] }, async ({ registry, engine, target }) => {
      expect(await engine.push(image().reference, { target })).toMatchObject({ verified: true });
      expect(asksOf(registry, /^$/).some((asked) => asked.startsWith("DELETE /v2/"))).toBe(true);
    });
  }, 40_000);

  test("that is rate-limited waits as long as the registry asks and goes on; too long a wait is told as data", () => {
    const body = '{"errors":[{"code":"TOOMANYREQUESTS","message":"slow down"}]}';
    const headers = { "retry-after": "1", "content-type": "application/json" };
    const rule: RegistryFaultRule = {
      match: UPLOAD,
      fault: { kind: "answer", status: 429, headers, body },
      signedIn: true,
      times: 2,
    };
    return onStage({ rules: [rule] }, async ({ registry, engine, target }) => {
      const seen: string[] = [];
      const push = engine.push(image().reference, { target, onProgress: ({ message }) => void seen.push(message) });
      expect(await push).toMatchObject({ verified: true });
      expect(registry.fired(rule)).toBe(2);
      expect(seen.some((message) => /asks to wait 1 s/.test(message))).toBe(true);
      const long: RegistryFaultRule = {
        match: UPLOAD,
        fault: { kind: "answer", status: 429, headers: { ...headers, "retry-after": "315360000" }, body },
        signedIn: true,
      };
      registry.setRules([long]);
      const other = await makeTinyImage(rig, { sizeBytes: 100 });
      await expect(engine.push(other.reference, { target })).rejects.toMatchObject({
        code: "REGISTRY_RATE_LIMITED",
        retryable: true,
        details: { retryAfterMs: 315_360_000_000 },
      });
      await other.remove();
    });
  }, 40_000);

  const tellsNothing: FaultRule = {
    match: /^POST \/(v[\d.]+\/)?images\/.*\/push/,
    fault: { kind: "replace", body: '{"status":"The push refers to repository"}\n{"status":"Copying config"}\n' },
  };

  test("from an engine that tells no digest, as Podman, is read back by its tag", () => {
    const isPodman: FaultRule = {
      match: /^GET .*\/version/,
      fault: { kind: "replace", body: (body) => body.replace('"Name":"Engine"', '"Name":"Podman Engine"') },
    };
    return throughProxy([isPodman, tellsNothing], async (host, proxy) => {
      const engine = await connect(rig, { DOCKER_HOST: host });
      const target = `${rig.registry.host}/${uniqueName("podman")}:1`;
      const pushed = await engine.push(image().reference, { target });
      const path = `/v2/${target.slice(rig.registry.host.length + 1, -2)}/manifests/1`;
      expect((await askRegistry(rig, "HEAD", path)).headers.get("docker-content-digest")).toBe(pushed.digest);
      expect([proxy.fired(isPodman), proxy.fired(tellsNothing)]).toEqual([1, 1]);
    });
  });

  test("from an engine that should tell the digest and does not is no success, though the tag is there", () =>
    throughProxy([tellsNothing], async (host, proxy) => {
      const target = `${rig.registry.host}/${uniqueName("silent")}:1`;
      await (await connect(rig)).push(image().reference, { target });
      const engine = await connect(rig, { DOCKER_HOST: host });
      await expect(engine.push(target)).rejects.toMatchObject({ code: "ENGINE_PROTOCOL" });
      expect(proxy.fired(tellsNothing)).toBe(1);
    }));
});

/** An engine that knows these credentials and no others. */
async function engineOf(rig: LoadedRig, auths: Parameters<typeof dockerConfig>[0]): Promise<Engine> {
  const config = dockerConfig(auths);
  onTestFinished(config.remove);
  return connect(rig, { DOCKER_CONFIG: config.folder });
}
