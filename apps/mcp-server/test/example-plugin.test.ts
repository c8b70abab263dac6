/** The example plugin, packed and installed as its users would, in the built server. */
import { mkdir, mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describePluginConformance, runCli, spawnServer } from "@container-kit/testkit";
import { installPacked, pack, zodFolder } from "./packed.ts";

const cli = fileURLToPath(new URL("../dist/cli.js", import.meta.url));
const example = fileURLToPath(new URL("../../../examples/plugin-code-notes", import.meta.url));
const code = fileURLToPath(new URL("../../../examples/express-api/src", import.meta.url));

let folder: string;
let environment: Record<string, string>;

beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), "example-plugin-")));
  environment = { CONTAINER_KIT_HOME: join(folder, "state"), CONTAINER_KIT_CONFIG: join(folder, "container-kit.yaml") };
  await installPacked(folder, await pack([example, await zodFolder()], join(folder, "packed")));
  await mkdir(join(folder, "code"));
  await writeFile(join(folder, "code", "a.js"), "one\n// FIXME: two\n");
  await writeFile(
    join(folder, "container-kit.yaml"),
    "plugins:\n  - package: container-kit-plugin-code-notes\n    read: [code]\n",
  );
});

afterAll(() => rm(folder, { recursive: true, force: true }));

test("its tool is listed and called over MCP, and may read what it was granted and nothing else", async () => {
  const server = await spawnServer({ cli, env: environment, cwd: folder });
  try {
    const { tools } = await server.client.listTools();
    expect(tools.map(({ name }) => name)).toContain("count_lines");
    const count = (path: string) => server.client.callTool({ name: "count_lines", arguments: { path } });
    expect((await count(join(folder, "code"))).structuredContent).toMatchObject({
      ok: true,
      result: { files: 1, lines: 2, byExtension: { ".js": 2 } },
    });
    expect((await count("/etc")).structuredContent).toMatchObject({ ok: false, error: { code: "POLICY_DENIED" } });
    expect(server.impurities()).toEqual([]);
  } finally {
    await server.close();
  }
});

test("its scanner is called on the command line", async () => {
  const scan = ["plugins", "scan", "find_notes", "code", "--json"];
  const { stdout } = await runCli(cli, scan, { env: environment, cwd: folder });
  expect(JSON.parse(stdout)).toMatchObject({
    plugin: "code-notes",
    findings: [{ rule: "fixme", severity: "medium", message: "two", file: "a.js", line: 2 }],
  });
});

describePluginConformance("code-notes", {
  cli,
  plugin: () => join(folder, "node_modules", "container-kit-plugin-code-notes"),
  grants: { read: [code] },
  samples: { count_lines: { input: { path: code }, invalid: { path: "" } } },
});
