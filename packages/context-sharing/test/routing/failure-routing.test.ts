import { expect, test } from "vitest";
import type { ContextStore } from "../../src/entries/types.ts";
import type { FailedCall, RoutingRule } from "../../src/routing/types.ts";
import { failed, makeFolder, openContext, openRouting, SESSION, succeeded } from "./sharing.ts";

const BUILD = { context: "/app", tags: ["shop:1"], buildArgs: { A: "1" } };

test("a broken build is led step by step to a repaired one, each call complete, and its success ends the chain", async () => {
  const { routing, told, chains } = await openRouting();
  const decision = await routing.failed(failed("build_image", "BUILD_FAILED", BUILD));
  expect(decision).toMatchObject({
    rule: "repair-dockerfile",
    action: "route",
    toTool: "analyze_repository",
    arguments: { path: "/app", sessionId: SESSION },
  });
  const second = await routing.succeeded(succeeded("analyze_repository", { path: "/app" }));
  expect(second).toEqual({
    tool: "generate_dockerfile",
    reason: expect.stringContaining("Replace the Dockerfile"),
    arguments: { path: "/app", strategy: "template", overwrite: true, sessionId: SESSION },
  });
  const result = { dockerfile: { path: "Dockerfile", content: "FROM x" } };
  const third = await routing.succeeded(succeeded("generate_dockerfile", { path: "/app", write: true }, result));
  expect(third).toMatchObject({
    tool: "build_image",
    arguments: { ...BUILD, dockerfile: "Dockerfile", sessionId: SESSION },
  });
  expect(await chains()).toEqual(["build_image /app"]);
  expect(await routing.succeeded(succeeded("build_image", { ...BUILD, dockerfile: "Dockerfile" }))).toBeNull();
  expect(await chains()).toEqual([]);
  expect(told).toEqual([
    {
      type: "routing.decided",
      sessionId: SESSION,
      correlationId: "cor_1",
      executionId: expect.any(String),
      data: {
        rule: "repair-dockerfile",
        action: "route",
        toTool: "analyze_repository",
        reason: decision?.reason,
        cause: "build_image BUILD_FAILED",
        chain: "build_image /app",
        attempt: 1,
      },
    },
  ]);
});

test("a repair that leads to another folder is built there, and what fails there belongs to the chain", async () => {
  const { routing, chains } = await openRouting();
  await routing.failed(failed("build_image", "BUILD_FAILED", BUILD));
  await routing.succeeded(succeeded("analyze_repository", { path: "/app" }));
  const result = { dockerfile: { path: "api/Dockerfile" }, build: { context: "/app/api", dockerfile: "Dockerfile" } };
  const step = await routing.succeeded(succeeded("generate_dockerfile", { path: "/app" }, result));
  expect(step?.arguments).toEqual({ ...BUILD, ...result.build, sessionId: SESSION });
  const input = { ...step?.arguments };
  expect(await routing.failed(failed("build_image", "BUILD_FAILED", input))).toMatchObject({ rule: "nothing-left" });
  expect(await routing.succeeded(succeeded("build_image", input))).toBeNull();
  // It was mended there, and the chain has come to its end: what fails later is news.
  expect(await chains()).toEqual([]);
  expect(await routing.failed(failed("build_image", "BUILD_FAILED", input))).toMatchObject({
    rule: "repair-dockerfile",
  });
});

test("a folder is the same however it is written", async () => {
  const { routing, chains } = await openRouting();
  await routing.failed(failed("build_image", "BUILD_FAILED", { context: "./shop/" }));
  expect(await routing.succeeded(succeeded("analyze_repository", { path: "shop" }))).not.toBeNull();
  expect(await routing.failed(failed("build_image", "BUILD_FAILED", { context: "shop/." }))).toMatchObject({
    rule: "nothing-left",
  });
  expect(await chains()).toEqual(["build_image shop"]);
});

test("a build that fails again after its repair is given up, with what was tried", async () => {
  const { routing } = await openRouting();
  await routing.failed(failed("build_image", "BUILD_FAILED", BUILD));
  await routing.succeeded(succeeded("analyze_repository", { path: "/app" }));
  await routing.succeeded(succeeded("generate_dockerfile", { path: "/app" }, { dockerfile: { path: "Dockerfile" } }));
  const decision = await routing.failed(failed("build_image", "BUILD_FAILED", BUILD));
  expect(decision).toMatchObject({ rule: "nothing-left", action: "fail" });
  expect(decision?.reason).toContain("repair-dockerfile");
});

test("a step that fails belongs to the chain that expects it: one without a rule ends it, a repeated one goes on", async () => {
  const { routing, chains } = await openRouting();
  await routing.failed(failed("build_image", "BUILD_FAILED", BUILD));
  await routing.succeeded(succeeded("analyze_repository", { path: "/app" }));
  const generate = { path: "/app", strategy: "template", overwrite: true };
  const again = await routing.failed(failed("generate_dockerfile", "ENGINE_TIMEOUT", generate));
  expect(again).toMatchObject({ action: "retry", toTool: "generate_dockerfile", arguments: { ...generate } });
  const given = await routing.failed(failed("generate_dockerfile", "UNSUPPORTED", generate));
  expect(given).toMatchObject({ rule: "nothing-left", action: "fail" });
  expect(await chains()).toEqual(["build_image /app"]);
  const last = await routing.succeeded(succeeded("generate_dockerfile", generate, { dockerfile: { path: "D" } }));
  expect(last).toMatchObject({ tool: "build_image", arguments: { dockerfile: "D" } });
});

test("a detour of a step leads back to what was to follow it, with the arguments of the first failure", async () => {
  const base = { priority: 1, reason: "x", action: "route" } as const;
  const rules: RoutingRule[] = [
    {
      ...base,
      name: "outer",
      fromTool: "build_image",
      toTool: "generate_dockerfile",
      arguments: { path: "${input.context}" },
      // oxlint-disable-next-line unicorn/no-thenable -- a rule is plain data
      then: [{ tool: "build_image", arguments: { "...": "${input}" }, reason: "y" }],
    },
    {
      ...base,
      name: "inner",
      fromTool: "generate_dockerfile",
      toTool: "analyze_repository",
      arguments: { path: "${input.path}" },
      // oxlint-disable-next-line unicorn/no-thenable -- a rule is plain data
      then: [{ tool: "generate_dockerfile", arguments: { path: "${input.path}" }, reason: "z" }],
    },
  ];
  const { routing } = await openRouting({ rules });
  // A kept text that looks like a reference stays a text.
  const build = { context: "/app", target: "${result.secret}" };
  await routing.failed(failed("build_image", "BUILD_FAILED", build));
  await routing.failed(failed("generate_dockerfile", "CONFLICT", { path: "/app" }));
  const back = await routing.succeeded(succeeded("analyze_repository", { path: "/app" }, { secret: "no" }));
  expect(back).toMatchObject({ tool: "generate_dockerfile", arguments: { path: "/app" } });
  const on = await routing.succeeded(succeeded("generate_dockerfile", { path: "/app" }, { secret: "no" }));
  expect(on).toMatchObject({ tool: "build_image", arguments: build });
});

test("what holds a secret or is too large is neither kept nor proposed, and the reason names it", async () => {
  const { routing, context } = await openRouting();
  const token = `ghp_${"a1B2".repeat(9)}`;
  const input = { ...BUILD, buildArgs: { TOKEN: token }, labels: { long: "x".repeat(20_000) } };
  const first = await routing.failed(failed("build_image", "BUILD_FAILED", input));
  expect(first?.reason).not.toContain("again:");
  await routing.succeeded(succeeded("analyze_repository", { path: "/app" }));
  const result = { dockerfile: { path: "Dockerfile" } };
  const last = await routing.succeeded(succeeded("generate_dockerfile", { path: "/app" }, result));
  expect(last?.arguments).toEqual({ context: "/app", tags: ["shop:1"], dockerfile: "Dockerfile", sessionId: SESSION });
  expect(last?.reason).toContain("Give buildArgs, labels again");
  const retried = await routing.failed(failed("build_image", "ENGINE_TIMEOUT", input));
  expect(retried?.reason).toContain("Give buildArgs, labels again");
  const [entry] = await context.history({ sessionId: SESSION, type: "failure_chain", key: "build_image /app" });
  expect(JSON.stringify(entry)).not.toContain(token);
});

const DEEP = Array.from({ length: 120 }).reduce<unknown>((inner) => [inner], "bottom");

test.each([
  ["an instant", new Date(0)],
  ["no number", Number.NaN],
  ["a hole in a list", ["a", undefined]],
  ["nested too deep", DEEP],
])("an argument or a detail that is %s costs no failure its decision", async (_what, odd) => {
  const { routing } = await openRouting();
  const call = failed("build_image", "BUILD_FAILED", { ...BUILD, buildArgs: odd });
  const first = await routing.failed({ ...call, error: { ...call.error, details: { odd } } });
  expect(first).toMatchObject({ rule: "repair-dockerfile", arguments: { path: "/app" } });
  await routing.succeeded(succeeded("analyze_repository", { path: "/app" }));
  const result = { dockerfile: { path: "Dockerfile" } };
  const last = await routing.succeeded(succeeded("generate_dockerfile", { path: "/app" }, result));
  expect(last?.arguments).toEqual({ context: "/app", tags: ["shop:1"], dockerfile: "Dockerfile", sessionId: SESSION });
  expect(last?.reason).toContain("Give buildArgs again");
});

test.each([
  ["a separator of lines", "/app\u2028b"],
  ["half a character", "/app\ud83d"],
])("a call about what holds %s is routed and guarded as any other", async (_what, context) => {
  const { routing } = await openRouting();
  const call = (): FailedCall => failed("build_image", "BUILD_FAILED", { context });
  expect(await routing.failed(call())).toMatchObject({ rule: "repair-dockerfile", arguments: { path: context } });
  expect(await routing.failed(call())).toMatchObject({ rule: "nothing-left" });
});

test("what an error tells beside a long list is decided by all the same", async () => {
  const { routing } = await openRouting();
  const findings = Array.from({ length: 2000 }, (_, at) => `CVE-2026-${at}`);
  const scan = failed("scan_security", "CRITICAL_VULNS_FOUND", { image: "shop:1" });
  const found = { ...scan.error, details: { findings, scanId: "scn_1", severity: "critical" } };
  expect(await routing.failed({ ...scan, error: found })).toMatchObject({ arguments: { scanId: "scn_1" } });
  const push = failed("push_image", "REGISTRY_RATE_LIMITED", { image: "shop:1" });
  const limited = { ...push.error, retryable: true, details: { findings, retryAfterMs: 90_000 } };
  expect(await routing.failed({ ...push, error: limited })).toMatchObject({ action: "retry", afterMs: 90_000 });
});

test("where nothing is to be decided nothing is written or told, and giving up is told alone", async () => {
  const { routing, told, chains } = await openRouting();
  expect(await routing.failed(failed("build_image", "INVALID_INPUT", BUILD))).toBeNull();
  expect(told).toEqual([]);
  const decision = await routing.failed(failed("build_image", "ENGINE_DISK_FULL", BUILD));
  expect(decision).toMatchObject({ rule: "engine-disk-full", action: "fail" });
  expect(told).toHaveLength(1);
  expect(await chains()).toEqual([]);
  expect(await routing.succeeded(succeeded("analyze_repository", { path: "/app" }))).toBeNull();
});

test("a success in a session without chains looks at one entry and asks for none", async () => {
  const { context } = await openRouting();
  const asked: string[] = [];
  const watched: ContextStore = Object.assign(Object.create(context) as ContextStore, {
    types: () => context.types(),
    share: context.share.bind(context),
    get: (name: Parameters<ContextStore["get"]>[0]) => {
      asked.push(name.type);
      return context.get(name);
    },
    query: (query: Parameters<ContextStore["query"]>[0]) => {
      asked.push("query");
      return context.query(query);
    },
  });
  const { routing } = await openRouting({}, watched);
  await routing.succeeded(succeeded("tag_image", { source: "a:1" }));
  expect(asked.splice(0)).toEqual(["failure_mark"]);
  await routing.failed(failed("build_image", "BUILD_FAILED", BUILD));
  asked.splice(0);
  await routing.succeeded(succeeded("tag_image", { source: "a:1" }));
  expect(asked).toEqual(["failure_mark", "query"]);
});

test("an explanation decides as a failure would, and neither remembers nor tells", async () => {
  const { routing, told, chains } = await openRouting();
  const call = failed("build_image", "BUILD_FAILED", BUILD);
  const explained = await routing.explain(call);
  expect(await chains()).toEqual([]);
  expect(told).toEqual([]);
  expect(await routing.failed(call)).toEqual(explained.decision);
  expect((await routing.explain(call)).decision).toMatchObject({ rule: "nothing-left" });
});

test("failures at once all count, in two processes on one store", async () => {
  const folder = await makeFolder();
  const rules = Array.from({ length: 20 }, (_, at) => ({
    name: `look-${at}`,
    priority: at,
    action: "route",
    toTool: "server_status",
    reason: "x",
  }));
  const contexts = [await openContext(folder), await openContext(folder)];
  const both = await Promise.all(contexts.map((context) => openRouting({ rules }, context)));
  const decisions = await Promise.all(
    both.flatMap(({ routing }) =>
      Array.from({ length: 20 }, () => routing.failed(failed("build_image", "BUILD_FAILED", BUILD))),
    ),
  );
  const acting = decisions.flatMap((decision) => (decision?.action === "route" ? [decision.rule] : []));
  expect(acting.sort()).toEqual(Array.from({ length: 8 }, (_, at) => `look-${at}`));
  expect(decisions.filter((decision) => decision?.rule === "chain-budget")).toHaveLength(32);
});

test("a decision that cannot be remembered is not given", async () => {
  const { context } = await openRouting();
  let refusals = 0;
  const broken: ContextStore = Object.assign(Object.create(context) as ContextStore, {
    types: () => context.types(),
    get: context.get.bind(context),
    query: context.query.bind(context),
    share: () => {
      refusals += 1;
      return Promise.reject(new Error("the disk is full"));
    },
  });
  const { routing, told } = await openRouting({}, broken);
  await expect(routing.failed(failed("build_image", "BUILD_FAILED", BUILD))).rejects.toThrow("the disk is full");
  expect(refusals).toBe(1);
  expect(told).toEqual([]);
});

test("a chain is another session's business nowhere, and is forgotten an hour after its last decision", async () => {
  let now = Date.now();
  const context = await openContext(await makeFolder(), () => now);
  const { routing } = await openRouting({}, context);
  const call = failed("build_image", "BUILD_FAILED", BUILD);
  expect(await routing.failed(call)).toMatchObject({ action: "route" });
  expect(await routing.failed({ ...call, sessionId: "ses_2" })).toMatchObject({ action: "route" });
  expect(await routing.failed(call)).toMatchObject({ action: "fail" });
  now += 3_600_001;
  expect(await routing.failed(call)).toMatchObject({ action: "route" });
});
