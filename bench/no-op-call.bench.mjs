/** A no-op tool through our server over stdio, with its durable record, beside a bare SDK server that records nothing. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startServer } from "./line-client.mjs";
import { compare } from "./measure.mjs";
import { buildBenchParts } from "./our-server.mjs";

const bare = fileURLToPath(new URL("bare-server.mjs", import.meta.url));

const call = (server, input) => () => server.request("tools/call", { name: "no_op", arguments: input });

export async function run() {
  const folder = mkdtempSync(join(tmpdir(), "no-op-"));
  const parts = buildBenchParts();
  const ours = startServer([parts.server, folder]);
  const forgetful = startServer([parts.server, "-"]);
  const other = startServer([bare, "1"]);
  const servers = [ours, forgetful, other];
  try {
    await Promise.all(servers.map((server) => server.initialize()));
    const first = await call(ours, { text: "x" })();
    const { sessionId } = first.structuredContent;
    const baseline = { name: "bare SDK server, nothing recorded", call: call(other, { text: "x" }) };
    const recorded = { ours: call(ours, { text: "x", sessionId }), baseline, gate: { ratio50: 1.25, ratio95: 1.25 } };
    const name = "no-op call over stdio";
    return [
      await compare({ name: `${name}, recorded, hot`, ...recorded, calls: 500 }),
      await compare({ name: `${name}, recorded, 10 ms between calls`, ...recorded, calls: 60, gapMs: 10 }),
      await compare({
        name: `${name}, not recorded, hot`,
        ours: call(forgetful, { text: "x", sessionId: "ses_0" }),
        baseline,
        calls: 500,
        gate: { ratio50: 0.8 },
      }),
    ];
  } finally {
    await Promise.all(servers.map((server) => server.close()));
    rmSync(folder, { recursive: true, force: true });
    parts.remove();
  }
}
