/** Plugins in the built program: what a bad one costs, and how a person meets them. */
import { appendFile, cp, mkdir, mkdtemp, readFile, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { runCli, spawnServer } from "@container-kit/testkit";
import type { CliResult } from "@container-kit/testkit";
import { zodFolder } from "./packed.ts";

const cli = fileURLToPath(new URL("../dist/cli.js", import.meta.url));

const source = (run: string, description = "A tool for tests that changes nothing."): string => `
  import { z } from "zod";
  const text = z.object({ text: z.string() });
  export const plugin = { name: "texts", version: "1.0.0", apiVersion: 1, tools: [{
    name: "shout_text", title: "Shout", description: ${JSON.stringify(description)}, toolset: "texts", deadlineMs: 6000,
    annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
    input: text, output: text, run: async ({ text }) => { ${run} } }] };`;

const shout = `if (text === "block") for (;;) {} if (text === "exit") process.exit(1);
  console.log("printed"); return { text: text.toUpperCase() };`;

interface Home {
  readonly folder: string;
  readonly environment: Record<string, string>;
  run(...args: readonly string[]): Promise<CliResult>;
}

async function home(pluginSource: string): Promise<Home> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), "plugins-app-")));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await mkdir(join(folder, "texts", "node_modules"), { recursive: true });
  await symlink(await zodFolder(), join(folder, "texts", "node_modules", "zod"));
  await writeFile(
    join(folder, "texts", "package.json"),
    JSON.stringify({ name: "texts", type: "module", dependencies: { zod: "*" } }),
  );
  await writeFile(join(folder, "texts", "index.js"), pluginSource);
  await writeFile(join(folder, "user.yaml"), "plugins:\n  - package: ./texts\n");
  const environment = { CONTAINER_KIT_HOME: join(folder, "state"), CONTAINER_KIT_CONFIG: join(folder, "user.yaml") };
  return { folder, environment, run: (...args) => runCli(cli, args, { env: environment, cwd: folder }) };
}

test("a tool that blocks or exits costs its own call; the server, its stdout and other calls go on", async () => {
  const { folder, environment } = await home(source(shout));
  const server = await spawnServer({ cli, env: environment, cwd: folder });
  const call = async (text: string) =>
    (await server.client.callTool({ name: "shout_text", arguments: { text } })).structuredContent;
  try {
    const [blocked, exited, fine] = await Promise.all([call("block"), call("exit"), call("hello")]);
    expect(blocked).toMatchObject({ ok: false, error: { code: "TOOL_TIMEOUT" } });
    expect(exited).toMatchObject({ ok: false, error: { code: "PLUGIN_FAILED" } });
    expect(fine).toMatchObject({ ok: true, result: { text: "HELLO" } });
    expect(server.impurities()).toEqual([]);
  } finally {
    await server.close();
  }
});

test("the processes of a plugin end with the server, however it ends", async () => {
  const { folder, environment } = await home(source(`return { text: String(process.pid) };`));
  const server = await spawnServer({ cli, env: environment, cwd: folder });
  const { structuredContent } = await server.client.callTool({ name: "shout_text", arguments: { text: "" } });
  const pid = Number((structuredContent as { result: { text: string } }).result.text);
  expect(isAlive(pid)).toBe(true);
  await server.kill("SIGKILL");
  await expect.poll(() => isAlive(pid), { timeout: 10_000 }).toBe(false);
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    // No such process.
    return false;
  }
}

test("a plugin that cannot be loaded leaves the server as it is, and is told", async () => {
  const { folder, environment, run } = await home(`throw new Error("broken");`);
  const server = await spawnServer({ cli, env: environment, cwd: folder });
  try {
    const { tools } = await server.client.listTools();
    expect(tools.map(({ name }) => name)).toContain("server_status");
    expect(server.stderr()).toContain("a plugin was not loaded");
    const status = await server.client.callTool({ name: "server_status", arguments: {} });
    expect(JSON.stringify(status.structuredContent)).toContain("broken");
  } finally {
    await server.close();
  }
  const { code, stdout } = await run("plugins", "list", "--json");
  expect(code).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({ plugins: [{ loaded: false, problem: { code: "PLUGIN_INVALID" } }] });
  expect((await run("plugins", "list")).stdout).toContain("broken");
  const { checks } = JSON.parse((await run("doctor", "--json")).stdout) as { checks: object[] };
  expect(checks).toContainEqual(
    expect.objectContaining({
      id: "plugins",
      ok: false,
      message: expect.stringContaining("[PLUGIN_INVALID]") as string,
    }),
  );
});

test("a plugin that claims or names types of entries that are not its own is left out, and the others are served", async () => {
  const claiming = source(shout).replace(
    "apiVersion: 1,",
    'apiVersion: 1, contextTypes: [{ name: "image", schema: text }],',
  );
  const naming = source(shout).replace("input: text,", 'input: text, consumes: [{ type: "nobodys" }],');
  for (const plugin of [claiming, naming]) {
    const { run } = await home(plugin);
    const tools = await run("tools", "--json");
    expect(tools.code, tools.stderr).toBe(0);
    expect(tools.stdout).toContain('"push_image"');
    expect(tools.stdout).not.toContain('"shout_text"');
    expect((await run("plugins", "list")).stdout).toMatch(/image|nobodys/);
  }
});

test("changed words are refused until they are approved by name", async () => {
  const { folder, run } = await home(source(shout));
  const say = () => run("call", "shout_text", "--input", `{"text":"a"}`, "--json");
  expect((await say()).code).toBe(0);
  const file = join(folder, "texts", "index.js");
  await writeFile(file, (await readFile(file, "utf8")).replace("A tool for tests", "Ignore all tools for tests"));
  expect(JSON.parse((await say()).stdout)).toMatchObject({ error: { code: "TOOL_NOT_FOUND" } });
  expect((await run("plugins", "list")).stdout).toContain(
    "changed since it was approved: tool shout_text: description",
  );
  expect((await run("plugins", "approve", "nobody")).code).toBe(2);
  expect((await run("plugins", "approve", "texts")).stdout).toContain("texts 1.0.0 is approved with 1 change:");
  expect((await say()).code).toBe(0);
  await appendFile(file, "\n");
  expect((await say()).code).toBe(0);
});

test("a plugin that only the flag loads is approved by its folder, as what looks at it says", async () => {
  const { folder, run } = await home(source(shout));
  await writeFile(join(folder, "user.yaml"), "{}\n");
  const say = () => run("call", "shout_text", "--plugin", "texts", "--input", `{"text":"a"}`);
  expect((await say()).stdout).toContain("A");
  const file = join(folder, "texts", "index.js");
  await writeFile(file, (await readFile(file, "utf8")).replace("A tool for tests", "A loud tool for tests"));
  expect((await say()).code).toBe(2);
  expect((await run("plugins", "check", "texts")).stdout).toContain("→ container-kit plugins approve texts");
  expect((await run("plugins", "approve", "texts")).stdout).toContain("texts 1.0.0 is approved with 1 change:");
  expect((await say()).stdout).toContain("A");
});

test("a plugin that takes entries of another's type goes with it, nothing else does, and it is approved alone", async () => {
  const { folder, run } = await home(
    source(shout).replace("apiVersion: 1,", 'apiVersion: 1, contextTypes: [{ name: "loud", schema: text }],'),
  );
  const reader = join(folder, "reader");
  await cp(join(folder, "texts"), reader, { recursive: true, verbatimSymlinks: true });
  const written = source(shout)
    .replace('"texts"', '"reader"')
    .replace("shout_text", "whisper_text")
    .replace("input: text,", 'input: text, consumes: [{ type: "loud", fills: { text: "text" } }],');
  await writeFile(join(reader, "index.js"), written);
  await writeFile(join(folder, "user.yaml"), "plugins:\n  - package: ./reader\n  - package: ./texts\n");
  expect((await run("tools")).stdout).toContain("whisper_text");
  await writeFile(join(reader, "index.js"), written.replace("A tool for tests", "A soft tool for tests"));
  expect((await run("plugins", "approve", "reader")).stdout).toContain("reader 1.0.0 is approved");
  expect((await run("tools")).stdout).toContain("whisper_text");

  const file = join(folder, "texts", "index.js");
  await writeFile(file, (await readFile(file, "utf8")).replace("A tool for tests", "A loud tool for tests"));
  const tools = await run("tools");
  expect(tools.code, tools.stderr).toBe(0);
  expect(tools.stdout).toContain("push_image");
  expect(tools.stdout).not.toMatch(/whisper_text|shout_text/);
  expect(tools.stderr).toContain("names the context type loud, which no loaded plugin defines");
});

test("a plugin's types and rules are listed, and of rules that are left out it is said why", async () => {
  const rule = `{ name: "quiet", priority: 1, fromTool: "shout_text", errorCodes: ["PLUGIN_FAILED"], action: "route",
    toTool: "shout_txt", reason: "Because." }`;
  const { run } = await home(
    source(shout).replace(
      "apiVersion: 1,",
      `apiVersion: 1, contextTypes: [{ name: "loud", schema: text }], routingRules: [${rule}],`,
    ),
  );
  for (const look of [await run("plugins", "list"), await run("plugins", "check", "texts")]) {
    expect(look.code, look.stderr).toBe(0);
    expect(look.stdout).toContain("context types: loud");
    expect(look.stdout).toContain("routing rules: quiet");
    expect(look.stdout).toMatch(/its rules for failures are left out: .*no tool shout_txt; did you mean shout_text\?/);
  }
});

test("an acting tool of a plugin is judged by what it says, and by nothing while rules are missing with their plugin", async () => {
  const acting = source("return { text };")
    .replace("readOnlyHint: true", "readOnlyHint: false")
    .replace("input: text", `acts: ({ text }) => ({ verb: "push", registries: [text] }), input: text`);
  const { folder, run } = await home(acting);
  await mkdir(join(folder, "rules"));
  await writeFile(join(folder, "rules", "package.json"), `{"name":"rules","type":"module"}`);
  await writeFile(
    join(folder, "rules", "index.js"),
    `export const plugin = { name: "corp-rules", version: "1.0.0", apiVersion: 1, tools: [], policies: [{ registries: { allow: ["ok.example"] } }] };`,
  );
  await writeFile(join(folder, "user.yaml"), "plugins:\n  - package: ./texts\n  - package: ./rules\n");
  const push = async (text: string): Promise<object> =>
    JSON.parse((await run("call", "shout_text", "--input", JSON.stringify({ text }), "--json")).stdout) as object;
  expect(await push("ok.example")).toMatchObject({ ok: true });
  expect(await push("bad.example")).toMatchObject({
    error: { code: "POLICY_DENIED", details: { rule: "registries" } },
  });
  await rm(join(folder, "rules"), { recursive: true });
  expect(await push("ok.example")).toMatchObject({
    error: {
      code: "POLICY_DENIED",
      message: expect.stringMatching(/its rules are not known while plugin \S*rules is not loaded/) as string,
    },
  });
  expect((await run("call", "server_status")).code).toBe(0);
  await writeFile(join(folder, "user.yaml"), "plugins:\n  - package: ./texts\n");
  expect(await push("ok.example")).toMatchObject({ ok: true });
  const never = "plugins:\n  - package: ./texts\n  - package: ./never-there\n";
  await writeFile(join(folder, "user.yaml"), never);
  expect(await push("ok.example")).toMatchObject({ ok: true });
  await writeFile(join(folder, "user.yaml"), `${never}    required: true\n`);
  expect(await push("ok.example")).toMatchObject({ ok: false, error: { code: "POLICY_DENIED" } });
});

test("a secret that a plugin is granted does not come back in what it returns", async () => {
  const { folder, environment } = await home(source(`return { text: "it is " + process.env.VAULT_TOKEN };`));
  await writeFile(join(folder, "user.yaml"), "plugins:\n  - package: ./texts\n    environment: [VAULT_TOKEN]\n");
  const env = { ...environment, VAULT_TOKEN: "tiger-lily-38" };
  const { stdout, stderr } = await runCli(cli, ["call", "shout_text", "--input", `{"text":""}`, "--json"], {
    env,
    cwd: folder,
  });
  expect(JSON.parse(stdout)).toMatchObject({ ok: true, result: { text: expect.stringContaining("it is ") as string } });
  expect(stdout + stderr).not.toContain("tiger-lily-38");
});

test("a plugin is checked before it is configured, and loaded with a flag for one command", async () => {
  const { folder, run } = await home(source(shout));
  await writeFile(join(folder, "user.yaml"), "logLevel: error\n");
  expect((await run("plugins", "list")).stdout).toBe("No plugin is configured.\n");
  expect((await run("plugins", "check", "texts")).stdout).toMatch(
    /✓ texts 1\.0\.0 · untrusted[^]*tools: shout_text[^]*integrity: sha256-/,
  );
  const bad = await run("plugins", "check", "nowhere");
  expect({ code: bad.code, stderr: bad.stderr }).toEqual({
    code: 1,
    stderr: expect.stringContaining("PLUGIN_INVALID") as string,
  });
  const called = await run("call", "shout_text", "--plugin", "texts", "--input", `{"text":"a"}`, "--json");
  expect(JSON.parse(called.stdout)).toMatchObject({ ok: true, result: { text: "A" } });
  expect((await run("tools", "--plugin", "texts")).stdout).toContain("shout_text");
});

test("a file inside the repository that is worked on loads no plugin, and says so", async () => {
  const { folder, run } = await home(source(shout));
  await writeFile(join(folder, "user.yaml"), "logLevel: error\n");
  await writeFile(join(folder, "container-kit.yaml"), "plugins:\n  - package: ./texts\n");
  const { stdout, stderr } = await run("plugins", "list");
  expect(stdout).toBe("No plugin is configured.\n");
  expect(stderr).toContain(
    "plugins is ignored, because a file inside the repository may not load code into the server",
  );
});

test("what a program of this workspace that uses definePlugin exports is loaded as well", async () => {
  const typed = source(shout).replace(
    `import { z } from "zod";`,
    `import { z } from "zod"; import { definePlugin, defineTool } from "@container-kit/atomic-runtime";`,
  );
  const { folder, run } = await home(
    typed
      .replace("= { name", "= definePlugin({ name")
      .replace("tools: [{", "tools: [defineTool({")
      .replace("} }] };", "} })] });"),
  );
  const runtime = fileURLToPath(new URL("../../../packages/atomic-runtime", import.meta.url));
  await mkdir(join(folder, "texts", "node_modules", "@container-kit"));
  await symlink(runtime, join(folder, "texts", "node_modules", "@container-kit", "atomic-runtime"));
  const manifest = { name: "texts", type: "module", dependencies: { zod: "*", "@container-kit/atomic-runtime": "*" } };
  await writeFile(join(folder, "texts", "package.json"), JSON.stringify(manifest));
  expect(await run("plugins", "check", "texts")).toMatchObject({ code: 0 });
});
