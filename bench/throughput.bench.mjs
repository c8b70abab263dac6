/** Many calls at once: 32 in flight over stdio, each recorded, beside a bare SDK server that records nothing. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startServer } from "./line-client.mjs";
import { compare } from "./measure.mjs";
import { buildBenchParts } from "./our-server.mjs";

const bare = fileURLToPath(new URL("bare-server.mjs", import.meta.url));
const IN_FLIGHT = 32;
const CALLS = 1600;

/** So many calls, of which as many as allowed are always on their way. */
function batch(server, input) {
  const call = () => server.request("tools/call", { name: "no_op", arguments: input });
  return async () => {
    let left = CALLS;
    const lane = async () => {
      while (left > 0) {
        left -= 1;
        await call();
      }
    };
    await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
  };
}

export async function run() {
  const folder = mkdtempSync(join(tmpdir(), "throughput-"));
  const parts = buildBenchParts();
  const servers = [startServer([parts.server, folder]), startServer([bare, "1"])];
  const [ours, other] = servers;
  try {
    await Promise.all(servers.map((server) => server.initialize()));
    const first = await ours.request("tools/call", { name: "no_op", arguments: { text: "x" } });
    const { sessionId } = first.structuredContent;
    return [
      await compare({
        name: `${CALLS} calls, ${IN_FLIGHT} in flight, recorded`,
        ours: batch(ours, { text: "x", sessionId }),
        baseline: { name: "bare SDK server, nothing recorded", call: batch(other, { text: "x" }) },
        calls: 5,
        // At least 0.6 of its throughput.
        gate: { ratio50: 1 / 0.6 },
      }),
    ];
  } finally {
    await Promise.all(servers.map((server) => server.close()));
    rmSync(folder, { recursive: true, force: true });
    parts.remove();
  }
}
