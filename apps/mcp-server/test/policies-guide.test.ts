/** docs/guides/policies.md says what happens: its policy is loaded, and its refusal is the one that comes. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createSandbox } from "./in-process-host.ts";
import type { Sandbox } from "./in-process-host.ts";

const GUIDE = join(import.meta.dirname, "..", "..", "..", "docs", "guides", "policies.md");
let sandbox: Sandbox;

beforeEach(async () => {
  sandbox = await createSandbox();
});

afterEach(() => sandbox.remove());

async function block(language: string): Promise<string> {
  const guide = await readFile(GUIDE, "utf8");
  const [, text = ""] = new RegExp(`\`\`\`${language}\n([^]*?)\`\`\``).exec(guide) ?? [];
  return text;
}

/** Runs `call` under the guide's policy, as the user's own file. */
async function call(tool: string, input: object) {
  const file = join(sandbox.folder, "home", ".config", "container-kit", "container-kit.yaml");
  await mkdir(join(file, ".."), { recursive: true });
  await writeFile(file, await block("yaml"));
  const ran = await sandbox.run(["call", tool, "--input", JSON.stringify(input), "--json"]);
  return {
    status: ran.status,
    outcome: ran.json() as { error?: Record<string, unknown>; result?: Record<string, unknown> },
  };
}

test("a pull from elsewhere is refused as the guide shows it, with status 3 and without an engine", async () => {
  const { status, outcome } = await call("push_image", { image: "node:20", dryRun: true });
  const shown = JSON.parse(await block("json")) as Record<string, unknown>;
  const { remedy: _remedy, ...rest } = shown;
  expect([status, outcome.error]).toMatchObject([3, rest]);
  expect(outcome.error?.["remedy"]).toBe(
    (shown["remedy"] as string).replace("/home/ada", join(sandbox.folder, "home")),
  );
});

test("the status names the rules in force", async () => {
  const { outcome } = await call("server_status", {});
  expect(outcome.result?.["policy"]).toEqual([
    "registries",
    "baseImages",
    "requiredLabels",
    "nonRoot",
    "releases come from CI",
  ]);
});

test("a Dockerfile on a base that the policy does not allow is not written", async () => {
  const files = {
    "package.json": '{"name":"a","scripts":{"start":"node a.js"}}',
    "a.js": "require('http').createServer().listen(80)",
  };
  for (const [name, content] of Object.entries(files)) await writeFile(join(sandbox.project, name), content);
  const allowed = await call("generate_dockerfile", { path: sandbox.project, dryRun: true });
  expect(allowed.outcome).toMatchObject({ ok: true });
  const { status, outcome } = await call("generate_dockerfile", { path: sandbox.project, baseImage: "node:20" });
  expect([status, outcome.error?.["details"]]).toMatchObject([3, { rule: "baseImages", verb: "write" }]);
  await expect(readFile(join(sandbox.project, "Dockerfile"), "utf8")).rejects.toThrow("ENOENT");
});
