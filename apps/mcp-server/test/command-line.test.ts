import { mkdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createSandbox } from "./in-process-host.ts";
import type { Sandbox } from "./in-process-host.ts";

let sandbox: Sandbox;

beforeEach(async () => {
  sandbox = await createSandbox();
});

afterEach(() => sandbox.remove());

const errorOf = (ran: { json(): Record<string, unknown> }): unknown => (ran.json()["error"] as { code: string }).code;

test("--version prints the version alone", async () => {
  expect(await sandbox.run(["--version"])).toMatchObject({ status: 0, stdout: "1.2.3\n", stderr: "" });
});

test("--help names every command on stdout", async () => {
  const { status, stdout } = await sandbox.run(["--help"]);
  expect(status).toBe(0);
  for (const command of ["serve", "containerize", "call", "tools", "sessions", "doctor"])
    expect(stdout).toContain(command);
});

test("no command at all is a usage error that shows the help on stderr", async () => {
  const { status, stdout, stderr } = await sandbox.run([]);
  expect([status, stdout]).toEqual([2, ""]);
  expect(stderr).toContain("Usage: container-kit");
});

test.each([[[]], [["sessions"]], [["plugins"]], [["config"]]])(
  "%j alone is told as one document with --json",
  async (argv) => {
    const ran = await sandbox.run([...argv, "--json"]);
    expect([ran.status, ran.stderr, errorOf(ran)]).toEqual([2, "", "INVALID_INPUT"]);
    const { status, stdout, stderr } = await sandbox.run(argv);
    expect([status, stdout, stderr]).toEqual([2, "", expect.stringContaining("Usage: container-kit")]);
  },
);

test.each([
  [["containerise"], "unknown command 'containerise' (Did you mean containerize?)"],
  [["serve", "--nope"], "unknown option '--nope'"],
  [["containerize"], "missing required argument 'path'"],
  [["call"], "missing required argument 'tool'"],
  [["serve", "--port", "x"], "Expected 0 to 65535"],
  [["serve", "--transport", "pigeon"], "Allowed choices are stdio, http"],
  [["serve", "--toolsets", "build,,image"], "Expected names separated by commas"],
  [["containerize", ".", "--fail-on", "severe"], "Allowed choices are critical, high, medium, low"],
  [["sessions", "list", "--limit", "0"], "Expected 1 to 1000"],
  [["sessions", "show"], "missing required argument 'id'"],
  [["tools", "surplus"], "too many arguments"],
])("%j is a usage error: status 2, told on stderr, and as a document with --json", async (argv, message) => {
  const told = await sandbox.run(argv);
  expect([told.status, told.stdout]).toEqual([2, ""]);
  expect(told.stderr).toContain(message);
  const document = await sandbox.run([...argv, "--json"]);
  expect([document.status, document.stderr, errorOf(document)]).toEqual([2, "", "INVALID_INPUT"]);
});

test.each([
  [["serve", "--transport", "http"], "UNSUPPORTED"],
  [["serve", "--port", "80"], "INVALID_INPUT"],
  [["serve", "--root", "missing"], "NOT_FOUND"],
  [["serve", "--toolsets", "nonsense"], "INVALID_INPUT"],
  [["containerize", ".", "--fail-on", "high"], "UNSUPPORTED"],
  [["containerize", ".", "--image", "UPPER"], "INVALID_REFERENCE"],
  [["containerize", ".", "--push", "app@sha256:".padEnd(75, "a")], "INVALID_INPUT"],
  [["containerize", "missing"], "NOT_FOUND"],
  [["containerize", "/etc"], "PATH_DENIED"],
  [["call", "server_status", "--input", "{nope"], "INVALID_INPUT"],
  [["call", "server_status", "--input", "@missing.json"], "NOT_FOUND"],
  [["call", "server_status", "--input", "[]"], "INVALID_INPUT"],
  [["call", "server_status", "--input", '{"surplus":1}'], "INVALID_INPUT"],
  [["call", "no_such_tool"], "TOOL_NOT_FOUND"],
  [["call", "inspect_image", "--input", '{"image":"UPPER"}'], "INVALID_REFERENCE"],
  [["call", "analyze_repository", "--root", "project", "--input", '{"path":"/tmp"}'], "PATH_DENIED"],
  [["tools", "--config", "missing.yaml"], "NOT_FOUND"],
])("%j ends with status 2 and %s", async (argv, code) => {
  const ran = await sandbox.run([...argv, "--json"]);
  expect([errorOf(ran), ran.status, ran.stderr]).toEqual([code, 2, ""]);
});

test.each([["serve", "--root", "."], ["call", "server_status"], ["containerize", "."], ["doctor"]])(
  "a credential in place of a reference is refused without being repeated: %s",
  async (...argv) => {
    for (const text of [
      "ada:hunter2-canary",
      "r.example.com=hunter2-canary",
      "env:hunter2-canary",
      "ada:hunter2-canary=env:A,B",
    ]) {
      const told = await sandbox.run([...argv, "--registry-credentials", text]);
      expect(told.stdout + told.stderr).not.toContain("canary");
      expect(told.stdout + told.stderr).toContain("credential reference");
      const document = await sandbox.run([...argv, "--registry-credentials", text, "--json"]);
      expect(document.stdout + document.stderr).not.toContain("canary");
      if (argv[0] !== "doctor")
        expect([told.status, document.status, errorOf(document)]).toEqual([2, 2, "INVALID_INPUT"]);
    }
  },
);

test("doctor says whether there is something behind each reference to credentials", async () => {
  await writeFile(join(sandbox.project, "login"), "ada:hunter2-canary");
  const references = (...texts: string[]) => texts.flatMap((text) => ["--registry-credentials", text]);
  const checkOf = async (argv: readonly string[]) => {
    const { checks } = (
      await sandbox.run(["doctor", ...argv, "--json"], { environment: { HUB_USER: "ada" } })
    ).json() as {
      checks: { id: string; ok: boolean; message: string }[];
    };
    return checks.find(({ id }) => id === "registry-credentials");
  };
  expect(await checkOf([])).toBeUndefined();
  expect(await checkOf(references("file:login", "r.example.com=env:HUB_USER,HUB_USER"))).toMatchObject({
    ok: true,
    message: expect.stringContaining(`file:${join(sandbox.project, "login")}`),
  });
  expect(await checkOf(references("env:HUB_USER,HUB_PASSWORD"))).toMatchObject({
    ok: false,
    message: expect.stringContaining("HUB_PASSWORD of env:HUB_USER,HUB_PASSWORD is not set"),
  });
  expect(await checkOf(references("file:nothing"))).toMatchObject({ ok: false });
});

test("without an engine a tool that needs one ends with status 4", async () => {
  const ran = await sandbox.run(["call", "inspect_image", "--input", '{"image":"alpine"}', "--json"]);
  expect([ran.status, errorOf(ran)]).toEqual([4, "ENGINE_UNAVAILABLE"]);
});

test("what a configuration file does not allow is refused with status 3", async () => {
  await writeFile(join(sandbox.project, "container-kit.yaml"), "readOnly: true\n");
  const ran = await sandbox.run(["call", "tag_image", "--input", '{"source":"a","target":"b"}', "--json"]);
  expect([ran.status, errorOf(ran)]).toEqual([3, "POLICY_DENIED"]);
});

test("a broken configuration file is told with its line", async () => {
  await writeFile(join(sandbox.project, "container-kit.yaml"), "logLevel: info\nrots: []\n");
  const { status, stderr } = await sandbox.run(["tools"]);
  expect(status).toBe(2);
  expect(stderr).toContain(`${join(sandbox.project, "container-kit.yaml")}:2: `);
});

test("tools lists every tool with its schemas, those too that are not served by default", async () => {
  const { status, json, stderr } = await sandbox.run(["tools", "--json"]);
  expect([status, stderr]).toEqual([0, ""]);
  const tools = json()["tools"] as Record<string, unknown>[];
  expect(tools.map(({ name }) => name)).toContain("probe_image");
  for (const tool of tools)
    expect(tool).toMatchObject({ inputSchema: { type: "object" }, outputSchema: { type: "object" } });
  const { stdout } = await sandbox.run(["tools"]);
  expect(stdout).toContain("build_image  ·  Build image  ·  toolset build");
});

test("call gives the outcome as MCP would, works in the session it is given, and leaves a record", async () => {
  const first = await sandbox.run(["call", "server_status", "--json"]);
  expect(first.status).toBe(0);
  const { sessionId } = first.json() as { sessionId: string };
  const second = await sandbox.run(["call", "server_status", "--session", sessionId, "--input", "-", "--json"], {
    stdin: "{}",
  });
  expect(second.json()).toMatchObject({
    ok: true,
    tool: "server_status",
    sessionId,
    result: { engine: { available: false } },
  });

  const list = await sandbox.run(["sessions", "list", "--json"]);
  expect(list.json()).toMatchObject({
    sessions: [{ id: sessionId, executions: 2, failures: 0, lastTool: "server_status" }],
  });
  const show = await sandbox.run(["sessions", "show", sessionId, "--json"]);
  expect(show.json()).toMatchObject({ id: sessionId, executions: [{ status: "completed" }, { status: "completed" }] });
  expect((await sandbox.run(["sessions", "show", sessionId])).stdout).toMatch(/server_status +completed/);
  expect((await sandbox.run(["sessions", "list"])).stdout).toContain(sessionId);
});

test("--json-stream ends with the result as its last line", async () => {
  const { stdout } = await sandbox.run(["call", "server_status", "--json-stream"]);
  const last = JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "") as Record<string, unknown>;
  expect(last).toMatchObject({ type: "result", ok: true, tool: "server_status" });
});

test("an empty record is said to be empty, and an unknown session is a failure", async () => {
  expect(await sandbox.run(["sessions", "list"])).toMatchObject({ status: 0, stdout: "No session yet.\n" });
  expect((await sandbox.run(["sessions", "list", "--json"])).json()).toEqual({ sessions: [] });
  const ran = await sandbox.run(["sessions", "show", "nope", "--json"]);
  expect([ran.status, errorOf(ran)]).toEqual([1, "SESSION_NOT_FOUND"]);
});

test("the state folder is made for its owner alone", async () => {
  await sandbox.run(["sessions", "list"]);
  expect((await stat(join(sandbox.folder, "state"))).mode & 0o777).toBe(0o700);
});

test("doctor without an engine names what is missing and the next step, and ends with status 4", async () => {
  const ran = await sandbox.run(["doctor", "--json"]);
  expect(ran.status).toBe(4);
  const { ok, checks } = ran.json() as {
    ok: boolean;
    checks: { id: string; ok: boolean; remedy?: string; details?: unknown }[];
  };
  expect(ok).toBe(false);
  expect(checks.map(({ id, ok: fine }) => [id, fine])).toEqual([
    ["node", true],
    ["configuration", true],
    ["state", true],
    ["store", true],
    ["docker-configuration", true],
    ["engine", false],
  ]);
  expect(checks.at(-1)?.remedy).toEqual(expect.any(String));
  expect(checks.at(-1)?.details).toMatchObject({ candidates: [{ source: "DOCKER_HOST" }] });
  expect((await sandbox.run(["doctor"])).stdout).toContain("→ ");
});

test("doctor goes on with a broken configuration, a broken docker configuration and a folder it cannot use", async () => {
  await writeFile(join(sandbox.folder, "state"), "a file where the folder should be");
  await mkdir(join(sandbox.folder, ".docker"));
  await writeFile(join(sandbox.folder, ".docker", "config.json"), "{");
  const ran = await sandbox.run(["doctor", "--json"]);
  const { checks } = ran.json() as { checks: { id: string; ok: boolean; remedy?: string }[] };
  const bad = checks.filter(({ ok }) => !ok);
  expect(bad.map(({ id }) => id)).toEqual(["state", "store", "docker-configuration", "engine"]);
  expect(bad.every(({ remedy }) => remedy !== undefined)).toBe(true);
  await writeFile(join(sandbox.project, "container-kit.yaml"), "nope: 1\n");
  expect((await sandbox.run(["doctor"])).stdout).toContain("✗ configuration");
});

test("containerize stops at the stage that fails, and says what was not reached and where the record is", async () => {
  await writeFile(
    join(sandbox.project, "package.json"),
    '{"name":"@acme/shop","version":"2.0.0","scripts":{"start":"node i.js"}}',
  );
  await writeFile(join(sandbox.project, "package-lock.json"), '{"lockfileVersion":3,"packages":{}}');
  await writeFile(join(sandbox.project, "i.js"), 'require("http").createServer().listen(8080);');
  const ran = await sandbox.run(["containerize", ".", "--no-scan"]);
  expect(ran.status).toBe(4);
  expect(ran.stdout).toBe("");
  expect(ran.stderr).toContain("Plan for ");
  expect(ran.stderr).toMatch(/✗ build .*ENGINE_UNAVAILABLE/);
  expect(ran.stderr).toContain("not reached: probe, inspect, scan, tag, push");
  expect(ran.stderr).toMatch(/record: container-kit sessions show \S+/);

  const document = await sandbox.run(["containerize", ".", "--no-scan", "--json"]);
  expect(document.json()).toMatchObject({ ok: false, image: "acme-shop:2.0.0", error: { code: "ENGINE_UNAVAILABLE" } });
});

test("a dry run of containerize writes nothing and needs no engine", async () => {
  await writeFile(
    join(sandbox.project, "package.json"),
    '{"name":"shop","version":"2.0.0","scripts":{"start":"node i.js"}}',
  );
  await writeFile(join(sandbox.project, "package-lock.json"), '{"lockfileVersion":3,"packages":{}}');
  await writeFile(join(sandbox.project, "i.js"), 'require("http").createServer().listen(8080);');
  const ran = await sandbox.run(["containerize", ".", "--dry-run"]);
  expect(ran.status).toBe(0);
  expect(ran.stdout).toContain("image     shop:2.0.0");
  expect(ran.stdout).toContain("FROM ");
  await expect(stat(join(sandbox.project, "Dockerfile"))).rejects.toMatchObject({ code: "ENOENT" });
});

test("config schema prints the schema of the configuration file", async () => {
  const { stdout } = await sandbox.run(["config", "schema"]);
  expect(JSON.parse(stdout)).toMatchObject({
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "container-kit.yaml",
  });
});
