/** From the start of the program to its first tools/list, beside a bare SDK server with as many tools. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startServer } from "./line-client.mjs";
import { compare } from "./measure.mjs";

const cli = fileURLToPath(new URL("../apps/mcp-server/dist/cli.js", import.meta.url));
const bare = fileURLToPath(new URL("bare-server.mjs", import.meta.url));

async function firstList(args, env) {
  const server = startServer(args, env);
  await server.initialize();
  const { tools } = await server.request("tools/list", {});
  await server.close();
  return tools.length;
}

export async function run() {
  const home = mkdtempSync(join(tmpdir(), "start-"));
  const env = { ...process.env, CONTAINER_KIT_HOME: home };
  try {
    const tools = await firstList([cli, "serve"], env);
    return [
      await compare({
        name: `start to first tools/list, ${tools} tools`,
        ours: () => firstList([cli, "serve"], env),
        baseline: { name: "bare SDK server", call: () => firstList([bare, String(tools)]) },
        rounds: 5,
        calls: 4,
        gate: { ratio50: 0.85 },
      }),
    ];
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}
