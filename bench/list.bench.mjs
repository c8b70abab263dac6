/**
 * tools/list of thirty tools, beside a bare SDK server with as many of the same fields. Until the answer is there: what
 * the client takes to parse it would be most of our time, and nothing of it is the server's.
 */
import { fileURLToPath } from "node:url";
import { startServer } from "./line-client.mjs";
import { compare } from "./measure.mjs";
import { buildBenchParts } from "./our-server.mjs";

const bare = fileURLToPath(new URL("bare-server.mjs", import.meta.url));
const TOOLS = "30";

export async function run() {
  const parts = buildBenchParts();
  const servers = [startServer([parts.server, "-", TOOLS]), startServer([bare, TOOLS])];
  try {
    await Promise.all(servers.map((server) => server.initialize()));
    const [ours, call] = servers.map((server) => () => server.time("tools/list", {}));
    const { tools } = await servers[0].request("tools/list", {});
    return [
      await compare({
        name: `tools/list, ${tools.length} tools`,
        ours,
        baseline: { name: "bare SDK server", call },
        calls: 60,
        gate: { ratio50: 0.1 },
      }),
    ];
  } finally {
    await Promise.all(servers.map((server) => server.close()));
    parts.remove();
  }
}
