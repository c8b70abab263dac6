/** Policies and undoings on a real engine and a real registry, through the runtime. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createPolicy, createRuntime } from "@container-kit/atomic-runtime";
import type { PolicyRules, Runtime, ToolOutcome } from "@container-kit/atomic-runtime";
import { connectEngine } from "@container-kit/docker-ops";
import type { Engine } from "@container-kit/docker-ops";
import { isKitError } from "@container-kit/errors";
import { createRedactor } from "@container-kit/observability";
import { createSessionStore } from "@container-kit/session";
import { openStorage } from "@container-kit/storage";
import type { Storage } from "@container-kit/storage";
import {
  describeWithEngine,
  makeTinyImage,
  registryRequest,
  startEngineProxy,
  uniqueName,
} from "@container-kit/testkit";
import type { TinyImage } from "@container-kit/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createBuiltinPlugin, createPathPolicy } from "../src/index.ts";

describeWithEngine("policies", (rig) => {
  let folder: string;
  let storage: Storage;
  let engine: Engine;
  let image: TinyImage;
  const runtimes: Runtime[] = [];

  beforeAll(async () => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), "policies-")));
    storage = await openStorage(`sqlite:${folder}/state.db`);
    engine = await connectEngine({ env: { ...process.env, ...rig.environment } });
    image = await makeTinyImage(rig, { changes: ["LABEL team=a"] });
  });

  afterAll(async () => {
    for (const runtime of runtimes) await runtime.close();
    await image.remove();
    await engine.close();
    await storage.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const under = (rules: PolicyRules, connected = engine): Runtime => {
    const policy = createPolicy([{ source: "the test", rules }]);
    const sessions = createSessionStore(storage);
    const redactor = createRedactor();
    const plugin = createBuiltinPlugin({
      engine: () => Promise.resolve(connected),
      checkLogin: (registry, options) => connected.checkLogin(registry, options),
      environment: {},
      sessions,
      paths: createPathPolicy({ roots: [folder] }),
      redactor,
      policy,
      describeServer: () => ({ versions: {}, toolsets: [] }),
    });
    const runtime = createRuntime({ plugins: [plugin], sessions, redactor, policy });
    runtimes.push(runtime);
    return runtime;
  };
  const ruleOf = (outcome: ToolOutcome) =>
    outcome.ok ? "passes" : (outcome.error.details?.["rule"] ?? outcome.error.code);
  const imageIdOf = async (name: string): Promise<string | null> => {
    try {
      return (await engine.inspect(name)).imageId;
    } catch (error) {
      if (isKitError(error, "IMAGE_NOT_FOUND")) return null;
      throw error;
    }
  };
  const context = (dockerfile: string): string => {
    const path = join(folder, uniqueName());
    mkdirSync(path, { recursive: true });
    writeFileSync(join(path, "Dockerfile"), dockerfile);
    return path;
  };

  test("a push to a registry that is not allowed is refused before the engine or the registry hears of it", async () => {
    const proxy = await startEngineProxy({ target: rig.engine.host });
    const watched = await connectEngine({ env: { ...process.env, ...rig.environment, DOCKER_HOST: proxy.host } });
    try {
      const before = proxy.requests().length;
      const repository = uniqueName();
      const target = `${rig.registry.host}/${repository}:1`;
      const runtime = under({ registries: { allow: ["r.example.com"] } }, watched);
      for (const dryRun of [true, false])
        expect(
          ruleOf(await runtime.execute({ tool: "push_image", input: { image: image.reference, target, dryRun } })),
        ).toBe("registries");
      expect(proxy.requests().slice(before)).toEqual([]);
      const { host, username } = rig.registry;
      const asked = await registryRequest(
        { host, username, password: rig.password },
        "HEAD",
        `/v2/${repository}/manifests/1`,
      );
      expect([asked.status, await imageIdOf(target)]).toEqual([404, null]);
    } finally {
      await watched.close();
      await proxy.close();
    }
  });

  test("a push is judged by the image's labels, and one that passes goes through", async () => {
    const target = () => `${rig.registry.host}/${uniqueName()}:1`;
    const push = (rules: PolicyRules) =>
      under(rules).execute({ tool: "push_image", input: { image: image.reference, target: target() } });
    expect(ruleOf(await push({ requiredLabels: { team: "b" } }))).toBe("requiredLabels");
    expect(ruleOf(await push({ requiredLabels: { team: "a" }, registries: { allow: [rig.registry.host] } }))).toBe(
      "passes",
    );
  });

  test("a build from a base that is not allowed makes no image", async () => {
    const tag = `${uniqueName()}:1`;
    const runtime = under({ baseImages: { allow: ["r.example.com/**"] } });
    const input = { context: context(`FROM ${image.reference}\nLABEL a=b\n`), tags: [tag] };
    expect(ruleOf(await runtime.execute({ tool: "build_image", input }))).toBe("baseImages");
    expect(await imageIdOf(tag)).toBeNull();
  });

  test("an image that must not run as root is refused, and its tags are what they were", async () => {
    const [fresh, moved] = [`${uniqueName()}:1`, `${uniqueName()}:1`];
    await engine.tag(image.reference, moved);
    const build = (dockerfile: string) =>
      under({ nonRoot: true }).execute({
        tool: "build_image",
        input: { context: context(dockerfile), tags: [fresh, moved] },
      });
    const refused = await build(`FROM ${image.reference}\nLABEL a=${uniqueName()}\n`);
    expect(ruleOf(refused)).toBe("nonRoot");
    const pending = `container-kit.invalid/pending:${refused.executionId}`;
    await expect.poll(() => imageIdOf(pending)).toBeNull();
    expect([await imageIdOf(fresh), await imageIdOf(moved)]).toEqual([null, image.imageId]);
    expect(ruleOf(await build(`FROM ${image.reference}\nUSER 1000\n`))).toBe("passes");
    expect(await imageIdOf(fresh)).toBe(await imageIdOf(moved));
    for (const tag of [fresh, moved]) await engine.remove(tag, { force: true });
  });
});
