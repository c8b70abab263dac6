/** `routing …`, and what a failure says of where it goes, on the command line. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createSandbox } from "./in-process-host.ts";
import type { Sandbox } from "./in-process-host.ts";

let sandbox: Sandbox;

beforeEach(async () => {
  sandbox = await createSandbox();
});

afterEach(() => sandbox.remove());

async function configure(text: string): Promise<void> {
  const folder = join(sandbox.folder, "home", ".config", "container-kit");
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "container-kit.yaml"), text);
}

interface Explained {
  readonly decision: { readonly rule: string; readonly action: string; readonly toTool?: string } | null;
  readonly rules: readonly { readonly rule: string; readonly decides: boolean; readonly because: readonly string[] }[];
}

async function explain(...argv: readonly string[]): Promise<Explained> {
  const ran = await sandbox.run(["routing", "explain", ...argv, "--json"]);
  expect([ran.status, ran.stderr]).toEqual([0, ""]);
  return ran.json() as unknown as Explained;
}

test("every rule is listed in its order, also those of the configuration", async () => {
  await configure(
    "routing:\n  rules:\n    - { name: ask-platform, priority: 1, fromTool: build_image, errorCodes: [BUILD_FAILED], action: fail, reason: Ask the platform team. }\n",
  );
  const { stdout, json } = await sandbox.run(["routing", "list", "--json"]);
  expect(stdout).not.toBe("");
  const { rules } = json() as { rules: { name: string; priority: number }[] };
  expect(rules[0]).toMatchObject({ name: "ask-platform", priority: 1 });
  expect(rules.length).toBeGreaterThan(5);
  expect(rules.map(({ priority }) => priority)).toEqual(
    rules.map(({ priority }) => priority).toSorted((a, b) => a - b),
  );
  const told = await sandbox.run(["routing", "list"]);
  expect(told.stdout.split("\n")[1]).toMatch(/^1 +ask-platform +build_image +BUILD_FAILED +fail$/);
});

test("a decision is explained by every rule, and follows what it is asked with", async () => {
  const input = ["--input", '{"context":"/repo","tags":["app:1"]}'];
  const repaired = await explain("build_image", "BUILD_FAILED", ...input);
  expect(repaired.decision).toMatchObject({
    action: "route",
    toTool: "analyze_repository",
    arguments: { path: "/repo" },
  });
  expect(repaired.rules.filter(({ decides }) => decides)).toHaveLength(1);
  for (const { because } of repaired.rules) expect(because.length).toBeGreaterThan(0);
  const careful = await explain("build_image", "BUILD_FAILED", ...input, "--no-auto-fix");
  expect(careful.decision?.toTool).not.toBe("analyze_repository");
  await configure("routing:\n  autoFix: false\n");
  expect((await explain("build_image", "BUILD_FAILED", ...input)).decision).toEqual(careful.decision);
  const { stdout } = await sandbox.run(["routing", "explain", "push_image", "AUTH_FAILED"]);
  expect(stdout.split("\n").filter((line) => line.startsWith("→ "))).toHaveLength(1);
});

test.each([
  [["routing", "explain", "build_image", "NO_SUCH_CODE"], "NO_SUCH_CODE"],
  [["routing", "explain", "build_image", "BUILD_FAILED", "--input", "{"], "Expected a JSON object"],
  [["routing", "explain", "build_image", "BUILD_FAILED", "--severity", "awful"], "Allowed choices"],
])("%j is refused as usage", async (argv, message) => {
  const ran = await sandbox.run(argv);
  expect([ran.status, ran.stdout]).toEqual([2, ""]);
  expect(ran.stderr).toContain(message);
});

test("rules that nobody can follow stop the program before anything is opened, with the file and the rule named", async () => {
  await configure(
    "routing:\n  rules:\n    - { name: lost, priority: 1, fromTool: biuld_image, action: fail, reason: Never. }\n",
  );
  const ran = await sandbox.run(["call", "server_status"]);
  expect(ran.status).toBe(2);
  expect(ran.stderr).toContain("container-kit.yaml");
  expect(ran.stderr).toContain("lost");
  expect(ran.stderr).toContain("build_image");
  expect(await sandbox.run(["sessions", "list"])).toMatchObject({ stdout: "No session yet.\n" });
  const { checks } = (await sandbox.run(["doctor", "--json"])).json() as { checks: { id: string; ok: boolean }[] };
  expect(checks.find(({ id }) => id === "rules")).toMatchObject({ ok: false });
});

test("a failed call says where it goes next and keeps its status; the session shows it as a tree", async () => {
  await writeFile(join(sandbox.folder, "Dockerfile"), "FROM scratch\n");
  const input = JSON.stringify({ context: sandbox.folder, tags: ["app:1"] });
  const failed = await sandbox.run(["call", "build_image", "--input", input, "--json"]);
  const { sessionId, routing } = failed.json() as { sessionId: string; routing: { rule: string; reason: string } };
  expect([failed.status, failed.stderr]).toEqual([4, ""]);
  const told = await sandbox.run(["call", "build_image", "--input", input]);
  expect(told.status).toBe(4);
  expect(told.stderr).toContain(routing.rule);
  expect(told.stderr).toMatch(/container-kit call \w+ --session ses_\w+ --input '\{/);

  const { stdout } = await sandbox.run(["sessions", "show", sessionId, "--trace"]);
  const [head, first, ...details] = stdout.split("\n");
  expect(head).toBe(`session ${sessionId}, opened ${/opened (\S+),/.exec(stdout)?.[1] ?? ""}, 1 execution`);
  expect(first).toMatch(/^└─ build_image failed, .* {2}exe_/);
  expect(details.join("\n")).toContain("ENGINE_UNAVAILABLE: ");
  expect(details.join("\n")).toContain(`${routing.rule}: `);
  const traced = await sandbox.run(["sessions", "show", sessionId, "--trace", "--json"]);
  expect(traced.json()).toMatchObject({
    sessionId,
    executions: [{ tool: "build_image", error: { code: "ENGINE_UNAVAILABLE" }, routing: [{ rule: routing.rule }] }],
  });
  const chain = await explain("build_image", "ENGINE_UNAVAILABLE", "--session", sessionId, "--input", input);
  expect(chain.decision).not.toBeNull();

  const broken = ["build_image", "BUILD_FAILED", "--session", sessionId, "--input", input];
  expect((await explain(...broken)).decision?.action).toBe("route");
  await sandbox.run(["sessions", "label", sessionId, "auto-fix=false"]);
  expect((await explain(...broken)).decision?.action).not.toBe("route");
});

test("what tools left is exported with its session and goes with it", async () => {
  await writeFile(join(sandbox.folder, "package.json"), JSON.stringify({ name: "a", scripts: { start: "node a.js" } }));
  await writeFile(join(sandbox.folder, "a.js"), "");
  const input = JSON.stringify({ path: sandbox.folder });
  const analysed = await sandbox.run(["call", "analyze_repository", "--input", input, "--json"]);
  const { sessionId, context } = analysed.json() as { sessionId: string; context: object };
  expect(context).toMatchObject({ produced: [{ type: "analysis", key: sandbox.folder }] });
  const exported = () => sandbox.run(["sessions", "export", sessionId, "--json"]);
  expect((await exported()).json()).toMatchObject({
    context: [{ type: "analysis", key: sandbox.folder }],
    events: expect.arrayContaining([expect.objectContaining({ type: "context.shared" })]),
  });
  const generated = await sandbox.run(["call", "generate_dockerfile", "--session", sessionId, "--json"]);
  expect(generated.json()).toMatchObject({ ok: true, context: { used: [{ type: "analysis", as: "path" }] } });
  expect((await sandbox.run(["sessions", "delete", sessionId])).status).toBe(0);
  expect((await exported()).status).toBe(1);
});
