/** Bad input and bad days: each gets the contract's code and one next step, and changes nothing. */
import { execFileSync, spawnSync } from "node:child_process";
import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  describeWithEngine,
  engineRequest,
  makeTinyImage,
  runCli,
  spawnServer,
  startEngineProxy,
  uniqueName,
} from "@container-kit/testkit";
import type { FaultRule, TinyImage } from "@container-kit/testkit";
import { CLI, openWorkbench } from "./server-on-rig.ts";
import type { Workbench } from "./server-on-rig.ts";

describeWithEngine("a bad day over MCP", (rig) => {
  let bench: Workbench;
  let image: TinyImage;
  const target = (): string => `${rig.registry.host}/${uniqueName("bad")}:1`;
  const repositoryOf = (reference: string) => reference.slice(rig.registry.host.length + 1, reference.lastIndexOf(":"));
  const base = () => rig.standins[0]?.of ?? "busybox";
  const isInRegistry = async (reference: string) =>
    (await bench.askRegistry("HEAD", `/v2/${repositoryOf(reference)}/manifests/1`)).status === 200;
  const isInEngine = async (reference: string) =>
    (await engineRequest(rig.engine.host, "GET", `/images/${reference}/json`)).status === 200;

  beforeAll(async () => {
    bench = await openWorkbench(rig);
    image = await makeTinyImage(rig, { shell: true });
  });

  afterAll(async () => {
    await image.remove();
    await bench.close();
  });

  test("without an engine the server starts, lists, analyses, and says what is missing", async () => {
    const other = await openWorkbench(rig, { DOCKER_HOST: `unix://${bench.folder}/nothing.sock` });
    try {
      expect((await other.server.client.listTools()).tools.length).toBeGreaterThanOrEqual(10);
      expect(await other.call("analyze_repository", { path: other.example("app") })).toMatchObject({ ok: true });
      expect(await other.call("server_status", {})).toMatchObject({
        ok: true,
        result: { engine: { available: false }, health: { status: "degraded" } },
      });
      for (const [tool, input] of [
        ["inspect_image", { image: "a:1" }],
        ["pull_image", { image: "a:1" }],
        ["push_image", { image: "a:1" }],
        ["tag_image", { source: "a:1", target: "b:1" }],
      ] as const) {
        expect(await other.call(tool, input)).toMatchObject({
          ok: false,
          error: { code: "ENGINE_UNAVAILABLE", retryable: true, remedy: expect.stringContaining("DOCKER_HOST") },
        });
      }
    } finally {
      await other.close();
    }
  });

  test("a wrong password is AUTH_FAILED, and the registry really has nothing", async () => {
    const name = target();
    const config = bench.files("docker-config", {
      "config.json": JSON.stringify({
        auths: {
          [rig.registry.host]: {
            auth: Buffer.from(`${rig.registry.username}:canary-wrong-password`).toString("base64"),
          },
        },
      }),
    });
    const other = await openWorkbench(rig, { DOCKER_CONFIG: config });
    try {
      expect(await other.call("push_image", { image: image.reference, target: name })).toMatchObject({
        ok: false,
        error: {
          code: "AUTH_FAILED",
          category: "registry",
          retryable: false,
          remedy: expect.stringContaining("docker login"),
        },
      });
      expect(await isInRegistry(name)).toBe(false);
      expect(other.server.stderr() + other.server.stdout().toString()).not.toContain("canary-wrong-password");
    } finally {
      await other.close();
    }
  });

  test("missing credentials are AUTH_FAILED", async () => {
    const name = target();
    const other = await openWorkbench(rig, { DOCKER_CONFIG: bench.files("no-config", { "config.json": "{}" }) });
    try {
      expect(await other.call("push_image", { image: image.reference, target: name })).toMatchObject({
        error: { code: "AUTH_FAILED", details: { credentialSource: "none" } },
      });
      expect(await isInRegistry(name)).toBe(false);
    } finally {
      await other.close();
    }
  });

  test("an unreachable registry and a missing image have their codes", async () => {
    expect(
      await bench.call("push_image", { image: image.reference, target: `127.0.0.1:1/${uniqueName()}:1` }),
    ).toMatchObject({ error: { code: "REGISTRY_UNAVAILABLE", retryable: true } });
    expect(await bench.call("push_image", { image: `${uniqueName()}:none` })).toMatchObject({
      error: { code: "IMAGE_NOT_FOUND" },
    });
    expect(await bench.call("pull_image", { image: target() })).toMatchObject({ error: { code: "IMAGE_NOT_FOUND" } });
  });

  test.each([
    "UPPER:1",
    "a b",
    "--help",
    "a//b",
    "http://a/b",
    "a@sha256:zz",
    `a:${"t".repeat(129)}`,
    "a\u0000b",
    "../a",
  ])("the reference %j is INVALID_REFERENCE for every tool that takes one", async (text) => {
    const context = bench.files("ref", { Dockerfile: `FROM ${image.reference}\n` });
    for (const [tool, input] of [
      ["pull_image", { image: text }],
      ["push_image", { image: text }],
      ["inspect_image", { image: text }],
      ["tag_image", { source: image.reference, target: text }],
      ["build_image", { context, tags: [text] }],
    ] as const) {
      expect(await bench.call(tool, input)).toMatchObject({
        ok: false,
        error: { code: "INVALID_REFERENCE", category: "input", retryable: false },
      });
    }
  });

  test("input of the wrong form is a result with every issue and its path", async () => {
    const outcome = await bench.call("build_image", { context: 7, tags: "x", unknown: true });
    expect(outcome).toMatchObject({ ok: false, error: { code: "INVALID_INPUT" } });
    const paths = ((outcome.error.details?.["issues"] ?? []) as { path: unknown }[]).map(({ path }) => String(path));
    expect(paths).toEqual(
      expect.arrayContaining([expect.stringContaining("context"), expect.stringContaining("tags")]),
    );
  });

  test("a Dockerfile that does not parse is DOCKERFILE_INVALID with its line", async () => {
    const name = `${uniqueName()}:1`;
    const context = bench.files("parse", { Dockerfile: `FROM ${image.reference}\nRUNN x\n` });
    expect(await bench.call("build_image", { context, tags: [name] })).toMatchObject({
      error: {
        code: "DOCKERFILE_INVALID",
        message: expect.stringMatching(/line 2.*column 1/),
        details: { line: 2, column: 1 },
      },
    });
    expect(await isInEngine(name)).toBe(false);
  });

  test("a failing step gives its own output in logTail", async () => {
    const context = bench.files("fails", {
      Dockerfile: `FROM ${image.reference}\nRUN echo own-output-of-the-step; exit 3\n`,
    });
    const outcome = await bench.call("build_image", { context, tags: [`${uniqueName()}:1`], noCache: true });
    expect(outcome).toMatchObject({
      error: { code: "BUILD_FAILED", logTail: expect.stringContaining("own-output-of-the-step") },
    });
  });

  test("a FIFO in place of the Dockerfile is refused, and the server goes on", async () => {
    const context = bench.files("fifo", { file: "x" });
    execFileSync("mkfifo", [join(context, "Dockerfile")]);
    expect(await bench.call("build_image", { context, tags: ["a:1"] })).toMatchObject({
      error: { code: "CONTEXT_INVALID" },
    });
    expect(await bench.call("server_status", {})).toMatchObject({ ok: true });
  });

  test("a build argument that is named like a secret is in no answer, no record and no log", async () => {
    const canary = "CANARY-7f3a9-value";
    const context = bench.files("argument", {
      Dockerfile: `FROM ${image.reference}\nARG API_TOKEN\nRUN echo told=$API_TOKEN; exit 4\n`,
    });
    const outcome = await bench.call("build_image", {
      context,
      tags: [`${uniqueName()}:1`],
      buildArgs: { API_TOKEN: canary },
      noCache: true,
    });
    expect(outcome).toMatchObject({ error: { code: "BUILD_FAILED" } });
    expect(JSON.stringify(outcome)).not.toContain(canary);
    // grep ends with status 1 where it finds nothing, which is what is wanted.
    expect(spawnSync("grep", ["-rlaF", canary, bench.home], { encoding: "utf8" })).toMatchObject({
      status: 1,
      stdout: "",
    });
  });

  test("a dry run refuses what the call would refuse", async () => {
    const other = await makeTinyImage(rig);
    expect(
      await bench.call("tag_image", { source: image.reference, target: other.reference, dryRun: true }),
    ).toMatchObject({ error: { code: "CONFLICT" } });
    const context = bench.files("dry", { Dockerfile: "FRAM x\n" });
    expect(await bench.call("build_image", { context, tags: ["a:1"], dryRun: true })).toMatchObject({
      error: { code: "DOCKERFILE_INVALID" },
    });
    bench.files("dry", { Dockerfile: `FROM ${image.reference}\n` });
    expect(await bench.call("build_image", { context, tags: ["a:1"], target: "nope", dryRun: true })).toMatchObject({
      error: { code: "DOCKERFILE_INVALID" },
    });
    await other.remove();
  });

  test.each(["/etc", "..", "/"])(
    "the path %s outside the roots is PATH_DENIED for every tool that takes one",
    async (path) => {
      for (const [tool, input] of [
        ["analyze_repository", { path }],
        ["generate_dockerfile", { path }],
        ["build_image", { context: path, tags: ["a:1"] }],
      ] as const) {
        expect(await bench.call(tool, input)).toMatchObject({
          ok: false,
          error: { code: "PATH_DENIED", details: { roots: [bench.folder] } },
        });
      }
    },
  );

  test("a folder link that points outside the roots is no way out", async () => {
    symlinkSync("/etc", join(bench.folder, "way-out"));
    expect(await bench.call("build_image", { context: join(bench.folder, "way-out"), tags: ["a:1"] })).toMatchObject({
      error: { code: "PATH_DENIED" },
    });
    const context = bench.files("linked", {
      Dockerfile: `FROM ${image.reference}\nCOPY . /all\nRUN ls -la /all && ! grep -q root /all/door/passwd\n`,
    });
    symlinkSync("/etc", join(context, "door"));
    expect(await bench.call("build_image", { context, tags: [`${uniqueName()}:1`], noCache: true })).toMatchObject({
      ok: true,
    });
  });

  test("a build that is cancelled in the middle is answered, and no image appears", async () => {
    const name = `${uniqueName("cancelled")}:1`;
    const context = bench.files("cancel", { Dockerfile: `FROM ${image.reference}\nRUN sleep 4; echo ${name} > /x\n` });
    const controller = new AbortController();
    const raw = answersOf(bench);
    const started = Date.now();
    const call = bench.call(
      "build_image",
      { context, tags: [name], noCache: true },
      { signal: controller.signal, onprogress: ({ message }) => message?.includes("sleep 4") && controller.abort() },
    );
    await expect(call).rejects.toThrow();
    await expect.poll(() => raw().some((text) => text.includes('"CANCELLED"')), { timeout: 3000 }).toBe(true);
    expect(Date.now() - started).toBeLessThan(6000);
    await sleep(5000);
    expect(await isInEngine(name)).toBe(false);
  });

  test("a push that is cancelled in the middle is answered, and the registry has nothing", async () => {
    const large = await makeTinyImage(rig, { sizeBytes: 80_000_000 });
    const name = target();
    const controller = new AbortController();
    const raw = answersOf(bench);
    const call = bench.call(
      "push_image",
      { image: large.reference, target: name },
      { signal: controller.signal, onprogress: ({ message }) => message?.includes("Pushing") && controller.abort() },
    );
    await expect(call).rejects.toThrow();
    await expect.poll(() => raw().some((text) => text.includes('"CANCELLED"')), { timeout: 3000 }).toBe(true);
    await sleep(1000);
    expect(await isInRegistry(name)).toBe(false);
    await large.remove();
  });

  test("kill -9 of the server in mid-push: the record says interrupted, and the next server goes on", async () => {
    const other = await openWorkbench(rig);
    const large = await makeTinyImage(rig, { sizeBytes: 80_000_000 });
    const name = target();
    const { sessionId } = await other.call("server_status", {});
    const pushing = new Promise<void>((resolve) => {
      other
        .call(
          "push_image",
          { image: large.reference, target: name, sessionId },
          { onprogress: ({ message }) => message?.includes("Pushing") && resolve() },
        )
        .catch(() => {});
    });
    await pushing;
    await other.server.kill("SIGKILL");
    const shown = await runCli(CLI, ["sessions", "show", sessionId, "--json"], { env: other.env });
    expect(shown.code).toBe(0);
    const record = JSON.parse(shown.stdout) as {
      jobs: { status: string; tool: string }[];
      executions: { status: string; tool: string }[];
    };
    expect(record.jobs).toMatchObject([{ tool: "push_image", status: "interrupted" }]);
    expect(record.executions.map(({ tool, status }) => `${tool} ${status}`)).toEqual([
      "server_status completed",
      "push_image interrupted",
    ]);
    const next = await spawnServer({ cli: CLI, args: ["serve", "--root", other.folder], env: other.env });
    const again = await next.client.callTool({
      name: "push_image",
      arguments: { image: large.reference, target: name, sessionId },
    });
    expect(again.structuredContent).toMatchObject({ ok: true, result: { verified: true } });
    await next.close();
    await large.remove();
    await other.close();
  });

  test("when the client goes away in mid-build the server ends, and so does the build", async () => {
    const other = await openWorkbench(rig);
    const name = `${uniqueName("orphan")}:1`;
    const context = other.files("orphan", { Dockerfile: `FROM ${image.reference}\nRUN sleep 4; echo ${name} > /x\n` });
    const building = new Promise<void>((resolve) => {
      other
        .call(
          "build_image",
          { context, tags: [name], noCache: true },
          { onprogress: ({ message }) => message?.includes("sleep 4") && resolve() },
        )
        .catch(() => {});
    });
    await building;
    const exit = await other.server.close();
    expect(exit).toEqual({ code: 0, signal: null });
    await sleep(5000);
    expect(await isInEngine(name)).toBe(false);
    await other.close();
  });

  test("an idle server ends when its client does", async () => {
    const other = await openWorkbench(rig);
    expect(await other.server.close()).toEqual({ code: 0, signal: null });
    await other.close();
  });

  test("an engine that claims success for a push that did not happen is not believed", async () => {
    const rule: FaultRule = {
      match: /^POST \/images\/.*\/push/,
      fault: {
        kind: "answer",
        status: 200,
        body: `{"status":"Pushed"}\n{"aux":{"Tag":"1","Digest":"sha256:${"a".repeat(64)}","Size":1}}\n`,
      },
    };
    const proxy = await startEngineProxy({ target: rig.engine.host, rules: [rule] });
    const other = await openWorkbench(rig, { DOCKER_HOST: proxy.host });
    try {
      expect(await other.call("push_image", { image: image.reference, target: target() })).toMatchObject({
        error: { code: "PUSH_UNVERIFIED", stage: "read-back" },
      });
      expect(proxy.fired(rule)).toBe(1);
    } finally {
      await other.close();
      await proxy.close();
    }
  });

  test("after all this stdout held protocol and nothing else, and the server still answers", async () => {
    expect(bench.server.impurities()).toEqual([]);
    expect(await bench.call("server_status", {})).toMatchObject({ ok: true });
    expect(base()).toBeTruthy();
  });
});

/** The answers that came after now, as they stood on the wire: the SDK's client drops what it cancelled. */
function answersOf(bench: Workbench): () => readonly string[] {
  const from = bench.server.stdout().length;
  return () =>
    bench.server
      .stdout()
      .subarray(from)
      .toString("utf8")
      .split("\n")
      .filter((line) => line.includes('"result"'));
}
