/**
 * From the start of the program to the answer to its first tools/list, and the memory that it then has, beside a bare
 * SDK server with as many tools. The code that V8 compiled is kept from an earlier start, as it is for a person.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startServer } from "./line-client.mjs";
import { compare } from "./measure.mjs";

const cli = fileURLToPath(new URL("../apps/mcp-server/dist/cli.js", import.meta.url));
const bare = fileURLToPath(new URL("bare-server.mjs", import.meta.url));

/** Starts a server and asks for its tools; the end of the server is not part of the time. */
async function firstList(args, env) {
  const start = performance.now();
  const server = startServer(args, env);
  await server.initialize();
  const { tools } = await server.request("tools/list", {});
  const milliseconds = performance.now() - start;
  const kibibytes = Number(execFileSync("ps", ["-o", "rss=", "-p", String(server.pid)], { encoding: "utf8" }));
  await server.close();
  return { tools: tools.length, milliseconds, mebibytes: kibibytes / 1024 };
}

export async function run() {
  const home = mkdtempSync(join(tmpdir(), "start-"));
  const env = { ...process.env, CONTAINER_KIT_HOME: home };
  try {
    const { tools } = await firstList([cli, "serve"], env);
    const sides = (what) => ({
      ours: async () => (await firstList([cli, "serve"], env))[what],
      baseline: { name: "bare SDK server", call: async () => (await firstList([bare, String(tools)]))[what] },
      rounds: 5,
    });
    return [
      await compare({
        ...sides("milliseconds"),
        name: `start to first tools/list, ${tools} tools`,
        calls: 5,
        gate: { ratio50: 0.85 },
      }),
      await compare({
        ...sides("mebibytes"),
        name: `memory at the first tools/list, ${tools} tools`,
        unit: "MiB",
        calls: 2,
        gate: { ratio50: 1.1 },
      }),
    ];
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}
