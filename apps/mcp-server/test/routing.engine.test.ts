/**
 * Failures on a real engine and a real registry, as an agent meets them that knows nothing but what an answer says: it
 * calls what `routing` names, or else the first of `next`, with just the arguments that stand there.
 */
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeWithEngine, makeTinyImage, spawnServer, uniqueName } from "@container-kit/testkit";
import type { SpawnedServer } from "@container-kit/testkit";
import { CLI, openWorkbench } from "./server-on-rig.ts";
import type { Workbench, WireOutcome } from "./server-on-rig.ts";

/** More steps than any of these repairs takes. */
const MOST_STEPS = 20;

describeWithEngine("failures that are routed", (rig) => {
  let bench: Workbench;

  beforeAll(async () => {
    bench = await openWorkbench(rig);
  });

  afterAll(() => bench.close());

  const reference = (name: string): string => `${rig.registry.host}/${uniqueName(name)}:1.0.0`;

  /** Follows the answers until one says nothing more. */
  async function follow(on: Workbench, tool: string, input: Record<string, unknown>): Promise<readonly WireOutcome[]> {
    const outcomes: WireOutcome[] = [];
    let step: { tool: string; arguments: Record<string, unknown> } | undefined = { tool, arguments: input };
    const deadline = Date.now() + 30_000;
    while (step !== undefined && outcomes.length < MOST_STEPS && Date.now() < deadline) {
      const outcome: WireOutcome = await on.call(step.tool, step.arguments);
      // A job that still runs is asked for again.
      if (outcome.tool === "get_job" && outcome.next[0]?.tool === "get_job") await sleep(50);
      else outcomes.push(outcome);
      step = proposalOf(outcome);
    }
    return outcomes;
  }

  const namesOf = (outcomes: readonly WireOutcome[]): readonly string[] =>
    outcomes.map(({ tool, ok, error, routing }) =>
      [tool, ...(ok ? [] : [error.code]), ...(routing === undefined ? [] : [routing.action])].join(" "),
    );

  test.each([
    ["a Dockerfile that no builder reads", "DOCKERFILE_INVALID", "FROM node:20-slim\nRUNN npm ci\n"],
    ["a step that fails", "BUILD_FAILED", "FROM node:20-slim\nCOPY . .\nRUN node -e 'process.exit(7)'\n"],
  ])("%s: routed, repaired, built and pushed, with nothing told twice", async (_what, code, broken) => {
    const context = bench.example(uniqueName("repair"));
    writeFileSync(join(context, "Dockerfile"), broken);
    const image = reference("repaired");
    const outcomes = await follow(bench, "build_image", { context, tags: [image] });
    expect(namesOf(outcomes)).toEqual([
      `build_image ${code} route`,
      "analyze_repository",
      "generate_dockerfile",
      "build_image",
      "push_image",
    ]);
    expect(new Set(outcomes.map(({ sessionId }) => sessionId)).size).toBe(1);
    const pushed = outcomes.at(-1)?.result as { digest: string; verified: boolean };
    const repository = image.slice(rig.registry.host.length + 1, -":1.0.0".length);
    const truth = await bench.askRegistry("HEAD", `/v2/${repository}/manifests/${pushed.digest}`);
    expect([pushed.verified, truth.status]).toEqual([true, 200]);
    // What was there is not lost.
    expect(readFileSync(join(context, "Dockerfile.bak"), "utf8")).toBe(broken);
    expect(outcomes[2]?.result).toMatchObject({
      written: expect.arrayContaining(["Dockerfile", "Dockerfile.bak"]),
      warnings: expect.arrayContaining([expect.objectContaining({ code: "DOCKERFILE_REPLACED" })]),
    });
    const sessionId = outcomes[0]?.sessionId ?? "";
    const again = await bench.call("push_image", { sessionId });
    expect(again).toMatchObject({
      ok: true,
      result: { digest: pushed.digest },
      context: { used: [{ type: "image", key: image, tool: "build_image", as: "image" }] },
    });
    const { contents } = await bench.server.client.readResource({ uri: `session://${sessionId}/events` });
    const [{ text = "" } = {}] = contents as { text?: string }[];
    const line = (JSON.parse(text) as { events: { event: string }[] }).events.map(({ event }) => event);
    expect(line).toEqual(expect.arrayContaining(["routing.decided", "context.shared"]));
    expect(line.indexOf("routing.decided")).toBeLessThan(line.indexOf("context.shared"));
  });

  test("a build that goes on as a job is routed by who asks how it went", async () => {
    const context = bench.example(uniqueName("job"));
    writeFileSync(join(context, "Dockerfile"), "FROM node:20-slim\nCOPY . .\nRUN node -e 'process.exit(7)'\n");
    const outcomes = await follow(bench, "build_image", { context, tags: [reference("job")], wait: false });
    const visited = namesOf(outcomes).filter((name) => name !== "get_job");
    expect(visited).toEqual(["build_image", "analyze_repository", "generate_dockerfile", "build_image", "push_image"]);
    expect(outcomes[1]?.result).toMatchObject({ error: { code: "BUILD_FAILED" }, routing: { action: "route" } });
  });

  test("what cannot be repaired is given up after a few steps, whichever way it fails", async () => {
    const go = bench.files(uniqueName("go"), { "go.mod": "module a\n", Dockerfile: "FRMO golang\n" });
    expect(namesOf(await follow(bench, "build_image", { context: go, tags: ["go:1"] }))).toEqual([
      "build_image DOCKERFILE_INVALID route",
      "analyze_repository UNSUPPORTED fail",
    ]);

    // A new Dockerfile does not help here: the repository's own build fails.
    const broken = bench.example(uniqueName("broken"));
    const manifest = JSON.parse(readFileSync(join(broken, "package.json"), "utf8")) as { scripts: object };
    manifest.scripts = { ...manifest.scripts, build: "node -e 'process.exit(3)'" };
    writeFileSync(join(broken, "package.json"), JSON.stringify(manifest));
    writeFileSync(join(broken, "Dockerfile"), "FROM node:20-slim\nRUN node -e 'process.exit(7)'\n");
    const names = namesOf(await follow(bench, "build_image", { context: broken, tags: ["broken:1"] }));
    expect(names.slice(0, 3)).toEqual(["build_image BUILD_FAILED route", "analyze_repository", "generate_dockerfile"]);
    expect(names.at(-1)).toBe("build_image BUILD_FAILED fail");
    expect(names.length).toBeLessThan(MOST_STEPS);
    expect(readdirSync(broken).filter((name) => name.startsWith("Dockerfile"))).toHaveLength(2);

    // Two modules that can run: whoever repairs would have to choose.
    const start = { scripts: { start: "node a.js" } };
    const several = bench.files(uniqueName("several"), {
      "a/package.json": JSON.stringify({ name: "a", ...start }),
      "b/package.json": JSON.stringify({ name: "b", ...start }),
      Dockerfile: "FRMO node\n",
    });
    expect(namesOf(await follow(bench, "build_image", { context: several, tags: ["several:1"] }))).toEqual([
      "build_image DOCKERFILE_INVALID route",
      "analyze_repository",
      "generate_dockerfile INVALID_INPUT fail",
    ]);
    expect(readdirSync(several).sort()).toEqual(["Dockerfile", "a", "b"]);
  });

  test("with autoFix switched off no file is touched", async () => {
    const label = "routing:\n  autoFix: false\n";
    const careful = await openWorkbench(rig);
    try {
      writeFileSync(join(careful.folder, "..", "container-kit.yaml"), label);
      const server = await spawnServer({
        cli: CLI,
        args: ["serve", "--root", careful.folder],
        env: careful.env,
        cwd: join(careful.folder, ".."),
      });
      try {
        const context = careful.files("careful", { "package.json": "{}", Dockerfile: "FRMO node\n" });
        const answer = await server.client.callTool({
          name: "build_image",
          arguments: { context, tags: ["careful:1"] },
        });
        const { routing } = answer.structuredContent as WireOutcome;
        expect(routing?.toTool).not.toBe("generate_dockerfile");
        expect(routing?.action).not.toBe("route");
      } finally {
        await server.close();
      }
    } finally {
      await careful.close();
    }
  });

  test("a push with a wrong password is routed to the credentials, which say what is wrong, and not on", async () => {
    const image = await makeTinyImage(rig);
    const auth = Buffer.from(`${rig.registry.username}:canary-wrong-password`).toString("base64");
    const config = bench.files("wrong", {
      "config.json": JSON.stringify({ auths: { [rig.registry.host]: { auth } } }),
    });
    const wrong = await openWorkbench(rig, { DOCKER_CONFIG: config });
    try {
      const outcomes = await follow(wrong, "push_image", { image: image.reference, target: reference("wrong") });
      expect(namesOf(outcomes).slice(0, 2)).toEqual(["push_image AUTH_FAILED route", "validate_credentials"]);
      expect(outcomes[1]?.result).toMatchObject({ registry: rig.registry.host, valid: false });
      expect(outcomes.length).toBeLessThan(5);
    } finally {
      await wrong.close();
      await image.remove();
    }
  });

  test("what one server left is known to another and to the next after a kill -9, and to no other session", async () => {
    const own = await openWorkbench(rig);
    const servers: SpawnedServer[] = [];
    const open = async (): Promise<Workbench["call"]> => {
      const server = await spawnServer({ cli: CLI, args: ["serve", "--root", own.folder], env: own.env });
      servers.push(server);
      return async (tool, input) =>
        (await server.client.callTool({ name: tool, arguments: input })).structuredContent as WireOutcome;
    };
    try {
      const image = reference("known");
      const base = rig.standins[0]?.of ?? "busybox";
      const context = own.files("known", { Dockerfile: `FROM ${base}\nLABEL a=${uniqueName()}\n` });
      const built = await own.call("build_image", { context, tags: ["known:1", image] });
      expect(built).toMatchObject({ ok: true, context: { produced: [{ type: "image", key: image }] } });
      const { sessionId } = built;

      const beside = await open();
      const seen = await beside("inspect_image", { sessionId });
      expect(seen).toMatchObject({ ok: true, context: { used: [{ key: image, executionId: built.executionId }] } });
      const line = await servers[0]?.client.readResource({ uri: `session://${sessionId}/events` });
      expect(JSON.stringify(line)).toContain("context.shared");
      const stranger = await beside("server_status", {});
      const refused = await beside("inspect_image", { sessionId: stranger.sessionId });
      expect(refused).toMatchObject({
        ok: false,
        error: { code: "INVALID_INPUT", message: expect.stringContaining("build_image") },
      });

      await own.server.kill();
      const after = await open();
      const pushed = await after("push_image", { sessionId });
      expect(pushed).toMatchObject({
        ok: true,
        result: { image, verified: true },
        context: { used: [{ type: "image", key: image, tool: "build_image", as: "image" }] },
      });
      const told = await after("get_session", { sessionId });
      expect(told.result.known).toEqual(
        expect.arrayContaining([expect.objectContaining({ type: "pushed_image", key: image, tool: "push_image" })]),
      );
      expect(told.result.executions.at(-1)).toMatchObject({ tool: "push_image", after: [built.executionId] });
    } finally {
      for (const server of servers) await server.close();
      await own.close();
    }
  });
});

function proposalOf({
  ok,
  routing,
  next,
}: WireOutcome): { tool: string; arguments: Record<string, unknown> } | undefined {
  if (ok) return next[0];
  if (routing?.toTool === undefined || routing.action !== "route") return undefined;
  return { tool: routing.toTool, arguments: routing.arguments ?? {} };
}
