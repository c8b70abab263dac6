import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { build } from "tsup";

/** A running worker and what it has said so far. */
export interface Worker {
  readonly child: ChildProcess;
  readonly lines: readonly Readonly<Record<string, unknown>>[];
  /** Resolves with the exit status, or the signal's name, when all it said has been read. */
  readonly ended: Promise<number | string | null>;
}

/**
 * Builds the worker from source, since Node 20 runs no TypeScript, and returns the file. SQLite's native part stays
 * where it is installed.
 */
export async function buildWorker(folder: string): Promise<string> {
  const storage = createRequire(new URL("../../../storage/package.json", import.meta.url));
  await build({
    entry: { worker: fileURLToPath(new URL("./worker.ts", import.meta.url)) },
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

/** Starts a worker; whoever starts it ends it. */
export function spawnWorker(file: string, ...args: readonly string[]): Worker {
  const child = spawn(process.execPath, [file, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  const lines: Record<string, unknown>[] = [];
  const reader = createInterface({ input: child.stdout });
  reader.on("line", (line) => lines.push(JSON.parse(line) as Record<string, unknown>));
  const ended = Promise.all([once(child, "exit"), once(reader, "close")]).then(
    ([[status, signal]]) => (status ?? signal) as number | string | null,
  );
  return { child, lines, ended };
}
