/** The built program with a tool that takes its time and makes a file, in folders that one test has for itself. */
import { existsSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runCli, spawnServer } from "@container-kit/testkit";
import type { CliResult, SpawnedServer } from "@container-kit/testkit";
import { onTestFinished } from "vitest";
import { zodFolder } from "./packed.ts";

/** The built program. */
export const cli = fileURLToPath(new URL("../dist/cli.js", import.meta.url));

/** It writes `half`, tells a step every 20 ms until it may go on, and then writes `whole`; its undo takes the file away. */
const SLOW_TOOL = `
  import { existsSync } from "node:fs";
  import { rm, writeFile } from "node:fs/promises";
  import { setTimeout as sleep } from "node:timers/promises";
  import { z } from "zod";
  export const plugin = { name: "slow", version: "1.0.0", apiVersion: 1, tools: [{
    name: "make_slowly", title: "Make slowly", description: "A tool for tests that makes a file.", toolset: "slow",
    annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: false },
    durable: true, acts: () => ({ verb: "write" }),
    input: z.object({ file: z.string(), until: z.string(), fail: z.boolean().optional() }),
    output: z.object({ file: z.string() }),
    async run({ file, until, fail }, { signal, report, willMake, logger }) {
      logger.info("the tool was begun");
      await willMake({ file });
      await writeFile(file, "half");
      for (let current = 1; !existsSync(until); current += 1) {
        report({ message: "step " + current, current, unit: "steps" });
        await sleep(20, undefined, { signal });
      }
      if (fail) throw new Error("it broke");
      await writeFile(file, "whole");
      return { file };
    },
    undo: async (notes) => { for (const { file } of notes) await rm(file, { force: true }); },
  }] };`;

/** Folders of their own for the programs of one test. */
export interface Workshop {
  readonly folder: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Starts a server on the workshop's record. */
  serve(args?: readonly string[], environment?: Readonly<Record<string, string>>): Promise<SpawnedServer>;
  run(args: readonly string[], options?: Parameters<typeof runCli>[2]): Promise<CliResult>;
  /** What `make_slowly` is called with, to make the file of this name. */
  input(name: string): { readonly file: string; readonly until: string };
  /** Lets it come to its end. */
  letEnd(name: string): Promise<void>;
  /** What is in the file; undefined where there is none. */
  made(name: string): string | undefined;
}

/** Makes the folders; they go with the test. */
export async function openWorkshop(): Promise<Workshop> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), "workshop-")));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const plugin = join(folder, "slow");
  await mkdir(join(plugin, "node_modules"), { recursive: true });
  await symlink(await zodFolder(), join(plugin, "node_modules", "zod"));
  const manifest = { name: "slow", type: "module", dependencies: { zod: "*" } };
  await writeFile(join(plugin, "package.json"), JSON.stringify(manifest));
  await writeFile(join(plugin, "index.js"), SLOW_TOOL);
  await writeFile(join(folder, "user.yaml"), "plugins:\n  - package: ./slow\n    trusted: true\n");
  const environment = {
    CONTAINER_KIT_HOME: join(folder, "state"),
    CONTAINER_KIT_CONFIG: join(folder, "user.yaml"),
    DOCKER_HOST: `unix://${join(folder, "no-engine.sock")}`,
  };
  const at = (name: string): string => join(folder, name);
  return {
    folder,
    environment,
    serve: async (args = ["serve"], more = {}) => {
      const server = await spawnServer({ cli, args, env: { ...environment, ...more }, cwd: folder });
      onTestFinished(async () => void (await server.kill()));
      return server;
    },
    run: (args, options = {}) =>
      runCli(cli, args, { ...options, env: { ...environment, ...options.env }, cwd: options.cwd ?? folder }),
    input: (name) => ({ file: at(name), until: at(`${name}.end`) }),
    letEnd: (name) => writeFile(at(`${name}.end`), ""),
    made: (name) => (existsSync(at(name)) ? readFileSync(at(name), "utf8") : undefined),
  };
}

/** What a tool answers, read without judging it. */
export interface Answer {
  readonly ok: boolean;
  readonly sessionId: string;
  readonly correlationId: string;
  readonly jobId?: string;
  readonly result: Readonly<Record<string, unknown>>;
}

/** Calls a tool of a server. */
export async function callTool({ client }: SpawnedServer, name: string, input: object = {}): Promise<Answer> {
  const { structuredContent } = await client.callTool({ name, arguments: { ...input } });
  return structuredContent as Answer;
}
