import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { registryRequest, spawnServer } from "@container-kit/testkit";
import type { LoadedRig, RegistryAnswer, SpawnedServer } from "@container-kit/testkit";

/** The built program, as its users run it. */
export const CLI = join(import.meta.dirname, "..", "dist", "cli.js");

const EXAMPLE = join(import.meta.dirname, "..", "..", "..", "examples", "express-api");

/** An outcome as it goes over the wire; what a tool returns is known by name only. */
export interface WireOutcome {
  readonly ok: boolean;
  readonly tool: string;
  readonly sessionId: string;
  readonly executionId: string;
  readonly correlationId: string;
  readonly dryRun?: boolean;
  readonly durationMs: number;
  // oxlint-disable-next-line typescript/no-explicit-any -- a test reads whatever the tool returns
  readonly result: any;
  readonly next: readonly { tool: string; reason: string; arguments: Record<string, unknown> }[];
  readonly context?: Readonly<Record<"used" | "produced" | "known", readonly Record<string, unknown>[]>>;
  readonly routing?: {
    readonly rule: string;
    readonly action: string;
    readonly toTool?: string;
    readonly arguments?: Record<string, unknown>;
    readonly reason: string;
  };
  readonly error: {
    code: string;
    category: string;
    message: string;
    retryable: boolean;
    remedy: string;
    logTail?: string;
    details?: Record<string, unknown>;
    stage?: string;
  };
}

/** A folder of the test's own with a server that may read it, on the rig. */
export interface Workbench {
  readonly folder: string;
  readonly home: string;
  readonly server: SpawnedServer;
  readonly env: Readonly<Record<string, string>>;
  /** Makes a folder with these files below the root. */
  files(name: string, files: Readonly<Record<string, string>>): string;
  /** A copy of the example application below the root. */
  example(name: string): string;
  call(
    tool: string,
    input: Record<string, unknown>,
    options?: Parameters<SpawnedServer["client"]["callTool"]>[2],
  ): Promise<WireOutcome>;
  askRegistry(method: string, path: string): Promise<RegistryAnswer>;
  close(): Promise<void>;
}

/** @param flags of `serve`, beside its `--root` */
export async function openWorkbench(
  rig: LoadedRig,
  env: Readonly<Record<string, string>> = {},
  flags: readonly string[] = [],
): Promise<Workbench> {
  const base = realpathSync(mkdtempSync(join(tmpdir(), "workbench-")));
  const folder = join(base, "root");
  const home = join(base, "home");
  const environment = { ...rig.environment, CONTAINER_KIT_HOME: home, ...env };
  mkdirSync(folder);
  const server = await spawnServer({
    cli: CLI,
    args: ["serve", "--root", folder, ...flags],
    env: environment,
    cwd: base,
  });
  return {
    folder,
    home,
    server,
    env: environment,
    files: (name, files) => {
      for (const [path, content] of Object.entries(files)) {
        mkdirSync(join(folder, name, path, ".."), { recursive: true });
        writeFileSync(join(folder, name, path), content);
      }
      return join(folder, name);
    },
    example: (name) => {
      cpSync(EXAMPLE, join(folder, name), {
        recursive: true,
        filter: (path) =>
          !path.includes("node_modules") && !path.endsWith("Dockerfile") && !path.endsWith(".dockerignore"),
      });
      return join(folder, name);
    },
    call: async (tool, input, options) => {
      const answer = await server.client.callTool({ name: tool, arguments: input }, undefined, options);
      return answer.structuredContent as WireOutcome;
    },
    askRegistry: (method, path) =>
      registryRequest(
        { host: rig.registry.host, username: rig.registry.username, password: rig.password },
        method,
        path,
      ),
    close: async () => {
      await server.close();
      rmSync(base, { recursive: true, force: true });
    },
  };
}
