import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { build } from "tsup";
import { afterAll } from "vitest";

const storage = createRequire(new URL("../../packages/storage/package.json", import.meta.url));
const made = [];

afterAll(() => {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** Node 20 runs no TypeScript, so that a worker is built from its source; SQLite's native part stays where it is installed. */
export async function buildWorker(program) {
  const folder = mkdtempSync(path.join(tmpdir(), "container-kit-worker-"));
  made.push(folder);
  await build({
    entry: { worker: fileURLToPath(program) },
    outDir: folder,
    format: "cjs",
    config: false,
    silent: true,
    noExternal: [/./],
    esbuildOptions(options) {
      options.conditions = ["@container-kit/source"];
    },
    esbuildPlugins: [
      {
        name: "installed-sqlite",
        setup(bundle) {
          bundle.onResolve({ filter: /^better-sqlite3$/ }, () => ({
            path: storage.resolve("better-sqlite3"),
            external: true,
          }));
        },
      },
    ],
  });
  return path.join(folder, "worker.cjs");
}

export function spawnWorker(file, ...args) {
  const child = spawn(process.execPath, [file, ...args], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = [];
  const reader = createInterface({ input: child.stdout });
  reader.on("line", (line) => lines.push(JSON.parse(line)));
  const ended = Promise.all([once(child, "exit"), once(reader, "close")]).then(
    ([[status, signal]]) => status ?? signal,
  );
  return { child, lines, ended };
}
