import { homedir } from "node:os";
import type { Writable } from "node:stream";
import manifest from "../package.json" with { type: "json" };
import type { Host } from "./command-line/host.ts";
import { run } from "./command-line/run.ts";

const STOP_SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const;

// A reader that goes away early (`| head`, a client that died) is no failure of ours.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});

const host: Host = {
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  environment: process.env,
  workingDirectory: process.cwd(),
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

async function main(): Promise<void> {
  const status = await run(process.argv.slice(2), host, manifest.version);
  // Pipes are written to asynchronously: what was said must have left before the process ends.
  await Promise.all([written(process.stdout), written(process.stderr)]);
  process.exit(status);
}

async function written(stream: Writable): Promise<void> {
  if (stream.destroyed || stream.writableLength === 0) return;
  await new Promise<void>((resolve) => {
    stream.once("close", resolve).once("error", () => resolve());
    stream.write("", () => resolve());
  });
}
