import { defineTool } from "@container-kit/atomic-runtime";
import type { ToolDefinition } from "@container-kit/atomic-runtime";
import { z } from "zod";
import { texts } from "../../fields.ts";
import type { ServerDescription, ToolServices } from "../../services.ts";
import { toTime } from "../../time.ts";
import { askEngine, engineStatus, operations } from "./engine-status.ts";
import { judgeHealth } from "./health.ts";

/** Members by name: their schemas would cost every client more than they tell. */
const values = z.record(z.string(), z.unknown());

const output = z.object({
  versions: z.record(z.string(), z.string()),
  engine: engineStatus,
  operations: operations
    .optional()
    .describe("count, errors, p50 p95 p99 (ms), bytes, cacheHits, cacheMisses by operation"),
  store: z.object({
    location: z.string(),
    status: z.string(),
    bytes: z.record(z.string(), z.number()).optional(),
    behind: z.number().optional(),
    entries: z.number().optional(),
  }),
  calls: values.optional().describe("running waiting jobs refused openCircuits"),
  alerts: z.array(values).describe("name state since reason"),
  plugins: z.array(values).describe("name version problem"),
  policy: texts.describe("rules in force"),
  workflowEngine: z.string().nullable(),
  scanners: texts,
  toolsets: texts,
  roots: texts,
  health: z.object({ status: z.enum(["ok", "unknown", "degraded", "failing"]), reasons: texts }),
});

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
      const [described, asked] = await Promise.all([describeServer(), askEngine(engine, signal)]);
      const { versions, toolsets, store, runtime, alerts = [], plugins = [], policy = [] } = described;
      const { status, reasons } = await judgeHealth({ ...described, engine: asked.engine });
      return {
        versions: { ...versions },
        ...asked,
        store: { location: sessions.location, status: store?.status ?? "unknown", ...sizesOf(described) },
        ...(runtime === undefined ? {} : { calls: { ...runtime, openCircuits: [...runtime.openCircuits] } }),
        alerts: alerts.map(({ name, state, since, reason }) => ({ name, state, since: toTime(since), reason })),
        plugins: plugins.map((plugin) => ({ ...plugin })),
        policy: [...policy],
        // Neither has a package yet; said as it is.
        workflowEngine: null,
        scanners: [],
        toolsets: [...toolsets],
        roots: [...paths.roots],
        health: { status, reasons: [...reasons] },
      };
    },
    summarize: ({ health, engine: status, store, calls, alerts, policy, operations: counted = {} }) =>
      [
        `health: ${health.status}${health.reasons.map((reason) => `; ${reason}`).join("")}`,
        status.available
          ? `engine: ${status.product} ${status.version} at ${status.host} (${status.source})`
          : "engine: none",
        ...Object.entries(counted).map(
          ([name, { count = 0, errors = 0, p50 = 0, p95 = 0 }]) =>
            `${name}: ${count} calls, ${errors} failed, p50 ${p50} ms, p95 ${p95} ms`,
        ),
        `record: ${store.location}, ${store.status}`,
        ...(calls === undefined
          ? []
          : [`calls: ${["running", "waiting", "jobs"].map((name) => `${String(calls[name])} ${name}`).join(", ")}`]),
        ...alerts
          .filter(({ state }) => state !== "ok")
          .map(({ name, state, reason }) => `alert ${String(name)} ${String(state)}: ${String(reason)}`),
        ...(policy.length === 0 ? [] : [`policy: ${policy.join(", ")}`]),
      ].join("\n"),
  });

/** How much there is, as far as somebody says so. */
function sizesOf({ store, context }: ServerDescription): {
  readonly bytes?: Record<string, number>;
  readonly behind?: number;
  readonly entries?: number;
} {
  return {
    ...(store === undefined ? {} : { bytes: { ...store.bytes }, behind: store.behind }),
    ...(context === undefined ? {} : { entries: context.entries }),
  };
}
