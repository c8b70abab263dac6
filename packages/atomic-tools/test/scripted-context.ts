import type { Policy, ToolContext, ToolDefinition } from "@container-kit/atomic-runtime";
import type { Engine } from "@container-kit/docker-ops";
import { createRedactor, silentLogger } from "@container-kit/observability";
import { createBuiltinPlugin, createPathPolicy } from "../src/index.ts";
import type { ToolServices } from "../src/index.ts";

const nothing = () => Promise.reject(new Error("not in this test"));

/** A built-in tool over these services; those that are not given fail. */
export function toolOn(
  name: string,
  services: Partial<Omit<ToolServices, "engine">> & { readonly engine?: Partial<Engine> },
): ToolDefinition {
  const { engine, ...rest } = services;
  const plugin = createBuiltinPlugin({
    engine: () => (engine === undefined ? nothing() : Promise.resolve(engine as Engine)),
    checkLogin: nothing,
    environment: {},
    sessions: {} as never,
    paths: createPathPolicy({}),
    redactor: createRedactor(),
    describeServer: () => ({ versions: {}, toolsets: [] }),
    ...rest,
  });
  const tool = plugin.tools.find((candidate) => candidate.name === name);
  if (tool === undefined) throw new Error(`there is no tool ${name}`);
  return tool;
}

/** A context that keeps what the tool announces, newest first, and asks this policy. */
export function contextOf(
  tool: string,
  { policy, ...given }: Partial<ToolContext> & { readonly policy?: Policy } = {},
): ToolContext & { readonly notes: unknown[] } {
  const notes: unknown[] = [];
  return {
    notes,
    sessionId: "s",
    executionId: "e",
    correlationId: "c",
    jobId: null,
    attempt: 1,
    signal: new AbortController().signal,
    dryRun: false,
    logger: silentLogger,
    report: () => {},
    jobFolder: nothing,
    willMake: async (note) => void notes.unshift(structuredClone(note)),
    allow: (facts) => policy?.check(tool, facts),
    entry: () => undefined,
    request: nothing,
    ...given,
  };
}
