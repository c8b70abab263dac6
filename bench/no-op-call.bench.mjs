/** A no-op tool through our server over stdio, with its durable record, beside a bare SDK server that records nothing. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startServer } from "./line-client.mjs";
import { compare } from "./measure.mjs";

const app = fileURLToPath(new URL("../apps/mcp-server", import.meta.url));
const bare = fileURLToPath(new URL("bare-server.mjs", import.meta.url));

const call = (server, input) => () => server.request("tools/call", { name: "no_op", arguments: input });

export async function run() {
  const folder = mkdtempSync(join(tmpdir(), "no-op-"));
  const built = join(app, "dist-bench");
  execFileSync(
    process.execPath,
    [
      join(app, "node_modules", "tsup", "dist", "cli-default.js"),
      "--entry.no-op-server",
      "bench/no-op-server.ts",
      "--out-dir",
      built,
    ],
    { cwd: app, stdio: "ignore" },
  );
  const ours = startServer([join(built, "no-op-server.js"), folder]);
  const other = startServer([bare, "1"]);
  try {
    await Promise.all([ours.initialize(), other.initialize()]);
    const first = await ours.request("tools/call", { name: "no_op", arguments: { text: "x" } });
    const { sessionId } = first.structuredContent;
    const sides = {
      ours: call(ours, { text: "x", sessionId }),
      baseline: { name: "bare SDK server, nothing recorded", call: call(other, { text: "x" }) },
    };
    const gate = { ratio50: 1.25, ratio95: 1.25 };
    return [
      await compare({ name: "no-op call over stdio, recorded, hot", ...sides, calls: 500, gate }),
      await compare({
        name: "no-op call over stdio, recorded, 10 ms between calls",
        ...sides,
        calls: 60,
        gapMs: 10,
        gate,
      }),
    ];
  } finally {
    await Promise.all([ours.close(), other.close()]);
    rmSync(folder, { recursive: true, force: true });
    rmSync(built, { recursive: true, force: true });
  }
}
