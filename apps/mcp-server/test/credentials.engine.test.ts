/** Who we are to a registry, and secrets that a build reads: told truly, and never told themselves. */
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeWithEngine, engineRequest, makeTinyImage, runCli, uniqueName } from "@container-kit/testkit";
import { MASK } from "@container-kit/observability";
import type { TinyImage } from "@container-kit/testkit";
import { CLI, openWorkbench } from "./server-on-rig.ts";
import type { Workbench } from "./server-on-rig.ts";

const WRONG = "canary-wrong-password";

describeWithEngine("credentials", (rig) => {
  let bench: Workbench;
  let wrong: Workbench;
  let none: Workbench;
  let image: TinyImage;

  const registry = () => rig.registry.host;
  const isInRegistry = async (repository: string) =>
    (await bench.askRegistry("HEAD", `/v2/${repository}/manifests/1`)).status === 200;
  /** Everything that a server has said and kept. */
  const traces = ({ server, home }: Workbench, text: string): string[] => [
    ...(server.stdout().includes(text) ? ["stdout"] : []),
    ...(server.stderr().includes(text) ? ["stderr"] : []),
    ...spawnSync("grep", ["-rlaF", text, home], { encoding: "utf8" }).stdout.split("\n").filter(Boolean),
  ];
  const dockerConfig = (name: string, content: object) => bench.files(name, { "config.json": JSON.stringify(content) });

  beforeAll(async () => {
    bench = await openWorkbench(rig);
    image = await makeTinyImage(rig, { shell: true });
    const auth = Buffer.from(`${rig.registry.username}:${WRONG}`).toString("base64");
    wrong = await openWorkbench(rig, { DOCKER_CONFIG: dockerConfig("wrong", { auths: { [registry()]: { auth } } }) });
    none = await openWorkbench(rig, { DOCKER_CONFIG: dockerConfig("none", {}) });
  });

  afterAll(async () => {
    await image.remove();
    for (const each of [bench, wrong, none]) await each.close();
  });

  test("the right ones are valid, over MCP and on the command line, however the registry is written", async () => {
    const valid = { registry: registry(), username: rig.registry.username, valid: true, source: "file" };
    for (const text of [registry(), `http://${registry()}/v2/`, `${registry()}/team/app:1.0`])
      expect(await bench.call("validate_credentials", { registry: text })).toMatchObject({ ok: true, result: valid });
    const input = JSON.stringify({ registry: registry() });
    const ran = await runCli(CLI, ["call", "validate_credentials", "--input", input, "--json"], { env: bench.env });
    expect([ran.code, JSON.parse(ran.stdout)]).toMatchObject([0, { ok: true, result: valid }]);
    const named = await bench.call("validate_credentials", { registry: registry(), repository: "team/app" });
    expect(named).toMatchObject({ ok: true, result: valid, next: [] });
    expect(traces(bench, rig.password)).toEqual([]);
  });

  test("without an engine the registry is asked all the same", async () => {
    const other = await openWorkbench(rig, { DOCKER_HOST: `unix://${bench.folder}/nothing.sock` });
    try {
      expect(await other.call("validate_credentials", { registry: registry() })).toMatchObject({
        ok: true,
        result: { username: rig.registry.username, valid: true },
      });
      expect(traces(other, rig.password)).toEqual([]);
    } finally {
      await other.close();
    }
  });

  test("wrong ones are a result that says so, and the password is nowhere", async () => {
    const outcome = await wrong.call("validate_credentials", { registry: registry() });
    expect(outcome).toMatchObject({
      ok: true,
      result: { source: "file", username: rig.registry.username, valid: false, reason: expect.stringMatching(/./) },
      next: [],
    });
    expect(traces(wrong, WRONG)).toEqual([]);
  });

  test("none at all is a result that says so", async () => {
    const outcome = await none.call("validate_credentials", { registry: registry() });
    expect(outcome).toMatchObject({ ok: true, result: { source: "none", valid: false }, next: [] });
    expect(outcome.result).not.toHaveProperty("username");
  });

  test("a registry that does not answer is REGISTRY_UNAVAILABLE, and what is no registry is INVALID_INPUT", async () => {
    expect(await bench.call("validate_credentials", { registry: "127.0.0.1:1" })).toMatchObject({
      ok: false,
      error: { code: "REGISTRY_UNAVAILABLE", retryable: true },
    });
    for (const text of ["node", "a b.com", "--help", "r.example.com:port", "../x"])
      expect(await bench.call("validate_credentials", { registry: text })).toMatchObject({
        ok: false,
        error: { code: "INVALID_INPUT", retryable: false },
      });
    expect(await bench.call("validate_credentials", { registry: registry(), repository: "UPPER" })).toMatchObject({
      error: { code: "INVALID_REFERENCE" },
    });
  });

  test("a dry run of a push asks the registry, and pushes nothing whatever it says", async () => {
    const repository = uniqueName("dry");
    const push = { image: image.reference, target: `${registry()}/${repository}:1`, dryRun: true };
    for (const refused of [wrong, none])
      expect(await refused.call("push_image", push)).toMatchObject({
        ok: false,
        error: { code: "AUTH_FAILED", retryable: false, details: { registry: registry() } },
      });
    const planned = await bench.call("push_image", push);
    expect(planned).toMatchObject({ ok: true, dryRun: true, result: { digest: null, verified: false } });
    expect(planned.result.would[0]).toContain(`to ${registry()} as ${rig.registry.username}`);
    expect(await isInRegistry(repository)).toBe(false);
    expect(await bench.call("inspect_image", { image: push.target })).toMatchObject({
      error: { code: "IMAGE_NOT_FOUND" },
    });
    expect(await wrong.call("pull_image", { image: push.target, dryRun: true })).toMatchObject({
      error: { code: "AUTH_FAILED" },
    });
  });

  test("a reference wins over the docker configuration, from the environment and from a file", async () => {
    const secret = join(bench.folder, "login");
    writeFileSync(secret, `${rig.registry.username}:${rig.password}\n`);
    chmodSync(secret, 0o600);
    const env = { ...wrong.env, RIG_USER: rig.registry.username, RIG_PASSWORD: rig.password };
    for (const reference of ["env:RIG_USER,RIG_PASSWORD", `${registry()}=file:${secret}`]) {
      const repository = uniqueName("explicit");
      const other = await openWorkbench(rig, env, ["--registry-credentials", reference]);
      try {
        expect(await other.call("validate_credentials", { registry: registry() })).toMatchObject({
          result: { source: "explicit", username: rig.registry.username, valid: true },
        });
        const target = `${registry()}/${repository}:1`;
        expect(await other.call("push_image", { image: image.reference, target })).toMatchObject({
          ok: true,
          result: { verified: true, replaced: null, warnings: [], via: "api" },
        });
        expect(await isInRegistry(repository)).toBe(true);
        expect(other.server.stderr().includes("is offered to every registry")).toBe(reference.startsWith("env:"));
        expect(traces(other, rig.password)).toEqual([]);
      } finally {
        await other.close();
      }
    }
    const input = JSON.stringify({ registry: registry() });
    const flags = ["--registry-credentials", `other.example.com=file:${secret}`, "--input", input, "--json"];
    const ran = await runCli(CLI, ["call", "validate_credentials", ...flags], { env });
    expect(JSON.parse(ran.stdout)).toMatchObject({ result: { source: "file", valid: false } });
  });

  test("the secrets of a build reach its step, and no image, answer, record or log", async () => {
    const fromFile = `CANARY-file-${uniqueName()}`;
    const fromEnvironment = `CANARY-env-${uniqueName()}`;
    const other = await openWorkbench(rig, { BUILD_CANARY: fromEnvironment });
    try {
      mkdirSync(join(other.folder, "keys"));
      writeFileSync(join(other.folder, "keys", "key"), fromFile);
      const step = "cat /run/secrets/a /run/secrets/b; wc -c < /run/secrets/a > /size";
      const mounts = "--mount=type=secret,id=a --mount=type=secret,id=b";
      const context = other.files("secret", {
        Dockerfile: `FROM ${image.reference}\nRUN ${mounts} ${step}\n`,
      });
      const secrets = [
        { id: "a", from: `file:${join(other.folder, "keys", "key")}` },
        { id: "b", from: "env:BUILD_CANARY" },
      ];
      const tag = `${uniqueName("secret")}:1`;
      const built = await other.call("build_image", { context, tags: [tag], secrets, noCache: true });
      expect(built, JSON.stringify(built.error)).toMatchObject({
        ok: true,
        result: { builder: "buildkit", via: "api" },
      });
      const log = await other.server.client.readResource({ uri: built.result.log });
      // The step printed both: that they are masked shows that they were there.
      expect(JSON.stringify(log.contents)).toContain(MASK);
      const failing = other.files("failing", {
        Dockerfile: `FROM ${image.reference}\nRUN ${mounts} ${step}; exit 3\n`,
      });
      const failed = await other.call("build_image", { context: failing, tags: [tag], secrets, noCache: true });
      expect(failed).toMatchObject({ error: { code: "BUILD_FAILED" } });
      const inspected = await other.call("inspect_image", { image: tag });
      for (const canary of [fromFile, fromEnvironment]) {
        expect(traces(other, canary)).toEqual([]);
        expect(JSON.stringify([built, failed, inspected, log])).not.toContain(canary);
      }
      const history = await engineRequest(rig.engine.host, "GET", `/images/${tag}/history`);
      expect([history.status, history.text]).toEqual([200, expect.not.stringContaining("CANARY")]);
      await engineRequest(rig.engine.host, "DELETE", `/images/${tag}`);
    } finally {
      await other.close();
    }
  });

  test("a build secret that is none is refused before anything is built", async () => {
    const context = bench.files("refused", { Dockerfile: `FROM ${image.reference}\n` });
    const build = (from: string, dryRun: boolean) =>
      bench.call("build_image", { context, tags: ["a:1"], secrets: [{ id: "a", from }], dryRun });
    for (const dryRun of [true, false]) {
      expect(await build("env:NOT_SET_ANYWHERE", dryRun)).toMatchObject({ error: { code: "INVALID_INPUT" } });
      expect(await build("file:/etc/shadow", dryRun)).toMatchObject({ error: { code: "PATH_DENIED" } });
      expect(await build(`file:${bench.folder}/nothing`, dryRun)).toMatchObject({ error: { code: "NOT_FOUND" } });
      expect(await build(`file:${bench.folder}`, dryRun)).toMatchObject({ error: { code: "INVALID_INPUT" } });
      const plain = await build("hunter2-canary-in-clear", dryRun);
      expect(plain).toMatchObject({ error: { code: "INVALID_INPUT" } });
    }
    expect(traces(bench, "hunter2-canary-in-clear")).toEqual([]);
  });

  test("server_status tells which engine it is and how its operations went", async () => {
    const { result } = await bench.call("server_status", {});
    expect(result.engine.identity.id).toMatch(/./);
    const { inspect } = result.operations;
    expect(inspect.count).toBeGreaterThan(0);
    expect(inspect.errors).toBeGreaterThan(0);
    expect(inspect.p50).toBeGreaterThan(0);
    expect(inspect.p50).toBeLessThanOrEqual(inspect.p99);
  });
});
