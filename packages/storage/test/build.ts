import { spawn } from "node:child_process";
import type { ChildProcess, ChildProcessByStdio } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { build } from "tsup";
import { afterAll } from "vitest";

const here = path.dirname(fileURLToPath(import.meta.url));

const made: string[] = [];

afterAll(() => {
  for (const folder of made) rmSync(folder, { recursive: true, force: true });
});

/** Bundles a program with the source of this package, so that another process or thread can run it. */
export async function buildProgram(program: URL): Promise<string> {
  const source = fileURLToPath(program);
  const folder = mkdtempSync(path.join(tmpdir(), "container-kit-program-"));
  made.push(folder);
  // What is not bundled is found where this package finds it.
  symlinkSync(path.join(here, "..", "node_modules"), path.join(folder, "node_modules"));
  await build({
    config: false,
    entry: [source],
    format: ["cjs"],
    outExtension: () => ({ js: ".cjs" }),
    outDir: folder,
    noExternal: [/^(?!better-sqlite3$)/],
    external: ["better-sqlite3"],
    esbuildOptions: (options) => {
      options.conditions = ["@container-kit/source"];
    },
    silent: true,
  });
  return path.join(folder, `${path.basename(source, ".ts")}.cjs`);
}

/** A program that runs, and the lines that it has said. */
export interface Program {
  readonly child: ChildProcess;
  readonly lines: string[];
  readonly ended: Promise<void>;
}

/** Starts a program that {@link buildProgram} made. */
export function run(file: string, ...args: readonly string[]): Program {
  return listen(spawn(process.execPath, [file, ...args], { stdio: ["ignore", "pipe", "inherit"] }));
}

/** As {@link run}, with at most so many open files. */
export function runWithFewFiles(files: number, file: string, ...args: readonly string[]): Program {
  const command = `ulimit -n ${files}; exec "$0" "$@"`;
  return listen(
    spawn("sh", ["-c", command, process.execPath, file, ...args], { stdio: ["ignore", "pipe", "inherit"] }),
  );
}

function listen(child: ChildProcessByStdio<null, Readable, null>): Program {
  const lines: string[] = [];
  let rest = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    const whole = (rest + text).split("\n");
    rest = whole.pop() ?? "";
    lines.push(...whole);
  });
  const ended = new Promise<void>((resolve) => {
    child.once("close", () => resolve());
  });
  return { child, lines, ended };
}
