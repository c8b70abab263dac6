import { homedir } from "node:os";
import type { Writable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import manifest from "../package.json" with { type: "json" };
import type { Host } from "./command-line/host.ts";
import { run } from "./command-line/run.ts";
import { fail } from "./errors.ts";

/** Remarks and the log are worth a moment's wait, and no more: nobody may be reading them. Results are waited for. */
const STDERR_MS = 1_000;

const STOP_SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const;

// A reader that goes away early (`| head`, a client that died) is no failure of ours.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});

const host: Host = {
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  environment: process.env,
  get workingDirectory() {
    return workingDirectory();
  },
  homeDirectory: homedir(),
  onStop(listener) {
    for (const signal of STOP_SIGNALS) process.on(signal, listener);
    return () => {
      for (const signal of STOP_SIGNALS) process.off(signal, listener);
    };
  },
  exit: (status) => process.exit(status),
};

void main();

/** Asked for by the command that needs it, so that the failure is told like any other. */
function workingDirectory(): string {
  try {
    return process.cwd();
  } catch (cause) {
    const remedy = "Change to a folder that exists, and start again.";
    throw fail("NOT_FOUND", "the working directory does not exist any more", { cause, remedy });
  }
}

async function main(): Promise<void> {
  const status = await run(process.argv.slice(2), host, manifest.version);
  // Pipes are written to asynchronously: what was said must have left before the process ends.
  await Promise.all([written(process.stdout), Promise.race([written(process.stderr), delay(STDERR_MS)])]);
  process.exit(status);
}

async function written(stream: Writable): Promise<void> {
  if (stream.destroyed || stream.writableLength === 0) return;
  await new Promise<void>((resolve) => {
    stream.once("close", resolve).once("error", () => resolve());
    stream.write("", () => resolve());
  });
}
