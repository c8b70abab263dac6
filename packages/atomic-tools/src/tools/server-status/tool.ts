import { defineTool } from "@container-kit/atomic-runtime";
import type { ToolDefinition } from "@container-kit/atomic-runtime";
import type { Engine } from "@container-kit/docker-ops";
import { toErrorResult } from "@container-kit/errors";
import { z } from "zod";
import { texts } from "../../fields.ts";
import type { ToolServices } from "../../services.ts";

const engineStatus = z.object({
  available: z.boolean(),
  product: z.string().optional(),
  version: z.string().optional(),
  host: z.string().optional(),
  source: z.string().optional(),
  buildkit: z.boolean().optional(),
  identity: z.object({ id: z.string(), name: z.string(), root: z.string() }).optional(),
  via: z.string().optional(),
  problem: z.string().optional(),
  remedy: z.string().optional(),
});

const output = z.object({
  versions: z.record(z.string(), z.string()),
  engine: engineStatus,
  operations: z
    .record(z.string(), z.record(z.string(), z.number()))
    .optional()
    .describe("count, errors, p50 p95 p99 (ms), bytes, cacheHits, cacheMisses by operation"),
  store: z.object({ location: z.string() }),
  workflowEngine: z.string().nullable(),
  scanners: texts,
  toolsets: texts,
  roots: texts,
  health: z.object({ status: z.enum(["ok", "degraded"]), reasons: texts }),
});

type Status = z.input<typeof output>;

export const serverStatusTool = ({ engine, sessions, paths, describeServer }: ToolServices): ToolDefinition =>
  defineTool({
    name: "server_status",
    title: "Server status",
    description:
      "Tells versions, which engine is used and how it did, where the record is, which folders may be read, what is missing. Works without an engine.",
    toolset: "server",
    input: z.object({}),
    output,
    annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
    run: async (_input, { signal }) => {
      const { versions, toolsets } = describeServer();
      const asked = await askEngine(engine, signal);
      const { problem, remedy = "" } = asked.engine;
      const reasons = problem === undefined ? [] : [`${problem}. ${remedy}`.trim()];
      return {
        versions: { ...versions },
        ...asked,
        store: { location: sessions.location },
        // Neither has a package yet; said as it is.
        workflowEngine: null,
        scanners: [],
        toolsets: [...toolsets],
        roots: [...paths.roots],
        health: { status: reasons.length === 0 ? ("ok" as const) : ("degraded" as const), reasons },
      };
    },
    summarize: ({ health, engine: status, store, operations = {} }) =>
      [
        `health: ${health.status}${health.reasons.map((reason) => `; ${reason}`).join("")}`,
        status.available
          ? `engine: ${status.product} ${status.version} at ${status.host} (${status.source})`
          : "engine: none",
        ...Object.entries(operations).map(
          ([name, { count = 0, errors = 0, p50 = 0, p95 = 0 }]) =>
            `${name}: ${count} calls, ${errors} failed, p50 ${p50} ms, p95 ${p95} ms`,
        ),
        `record: ${store.location}`,
      ].join("\n"),
  });

/** How long the engine may take to say that it is there. */
const PING_MS = 3000;

async function askEngine(
  engine: ToolServices["engine"],
  signal: AbortSignal,
): Promise<Pick<Status, "engine" | "operations">> {
  try {
    const connected = await engine();
    return { engine: await describeEngine(connected, signal), operations: countersOf(connected) };
  } catch (error) {
    return { engine: unavailable(error) };
  }
}

async function describeEngine(connected: Engine, signal: AbortSignal): Promise<Status["engine"]> {
  try {
    await connected.ping({ deadlineMs: PING_MS, signal });
  } catch (error) {
    return unavailable(error);
  }
  const { profile, endpoint, via, identity } = connected;
  const { product, version, buildkit } = profile;
  const { host, source } = endpoint;
  return { available: true, product, version, buildkit, host, source, via, identity: { ...identity } };
}

function unavailable(error: unknown): Status["engine"] {
  const { message, remedy } = toErrorResult(error);
  return { available: false, problem: message, remedy };
}

function countersOf(connected: Engine): Status["operations"] {
  return Object.fromEntries(Object.entries(connected.metrics()).map(([name, counted]) => [name, { ...counted }]));
}
