/** The parts of our server that benches run, built as the program is built. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const app = fileURLToPath(new URL("../apps/mcp-server", import.meta.url));

/**
 * Builds `no-op-server.js`, a server around tools that do nothing, and `no-op-tools.js`, the same without a client.
 *
 * @returns the server's file, the other one loaded, and `remove`, which takes the built files away
 */
export function buildBenchParts() {
  const all = join(app, "dist-bench");
  mkdirSync(all, { recursive: true });
  const built = mkdtempSync(join(all, "parts-"));
  execFileSync(
    process.execPath,
    [
      join(app, "node_modules", "tsup", "dist", "cli-default.js"),
      "--config",
      "bench/tsup.config.ts",
      "--out-dir",
      built,
    ],
    { cwd: app, stdio: ["ignore", "ignore", "inherit"] },
  );
  return {
    server: join(built, "no-op-server.js"),
    loadTools: () => createRequire(import.meta.url)(join(built, "no-op-tools.js")),
    remove: () => rmSync(built, { recursive: true, force: true }),
  };
}
