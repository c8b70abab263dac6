import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import type { Host } from "../src/command-line/host.ts";
import { run } from "../src/command-line/run.ts";

/** What a command line said and how it ended. */
interface Ran {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
  /** stdout as the one JSON document that it is. */
  json(): Record<string, unknown>;
}

/** A folder with a home, a state folder and a project, in which command lines run without a process of their own. */
export interface Sandbox {
  readonly folder: string;
  readonly project: string;
  run(
    argv: readonly string[],
    options?: { environment?: Record<string, string>; stdin?: string; terminal?: boolean },
  ): Promise<Ran>;
  /** Asks the running command line to stop, as a signal would. */
  stop(signal?: NodeJS.Signals): void;
  /** Statuses of immediate exits that were asked for. */
  readonly exits: readonly number[];
  remove(): Promise<void>;
}

export async function createSandbox(): Promise<Sandbox> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), "container-kit-cli-")));
  const exits: number[] = [];
  const listeners = new Set<(signal: NodeJS.Signals) => void>();
  return {
    folder,
    project: folder,
    exits,
    stop: (signal = "SIGINT") => {
      for (const listener of listeners) listener(signal);
    },
    async run(argv, { environment = {}, stdin = "", terminal = false } = {}) {
      const streams = { stdout: new PassThrough(), stderr: Object.assign(new PassThrough(), { isTTY: terminal }) };
      const said = { stdout: "", stderr: "" };
      streams.stdout.setEncoding("utf8").on("data", (text: string) => (said.stdout += text));
      streams.stderr.setEncoding("utf8").on("data", (text: string) => (said.stderr += text));
      const input = new PassThrough();
      input.end(stdin);
      const host: Host = {
        stdin: input,
        ...streams,
        environment: {
          CONTAINER_KIT_HOME: join(folder, "state"),
          DOCKER_HOST: `unix://${join(folder, "no-engine.sock")}`,
          HOME: folder,
          ...environment,
        },
        workingDirectory: folder,
        homeDirectory: join(folder, "home"),
        onStop(listener) {
          listeners.add(listener);
          return () => listeners.delete(listener);
        },
        exit: (status) => exits.push(status),
      };
      const status = await run(argv, host, "1.2.3");
      return { status, ...said, json: () => JSON.parse(said.stdout) as Record<string, unknown> };
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
