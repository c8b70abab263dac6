import { defineTool } from "@container-kit/atomic-runtime";
import type { ToolDefinition } from "@container-kit/atomic-runtime";
import { toErrorResult } from "@container-kit/errors";
import { z } from "zod";
import type { ToolServices } from "../../services.ts";

const engineStatus = z.object({
  available: z.boolean(),
  product: z.string().optional(),
  version: z.string().optional(),
  host: z.string().optional(),
  source: z.string().optional(),
  buildkit: z.boolean().optional(),
  problem: z.string().optional(),
  remedy: z.string().optional(),
});

export const serverStatusTool = ({ engine, sessions, paths, describeServer }: ToolServices): ToolDefinition => {
  const askEngine = async (): Promise<z.input<typeof engineStatus>> => {
    try {
      const { profile, endpoint } = await engine();
      const { product, version, buildkit } = profile;
      return { available: true, product, version, buildkit, host: endpoint.host, source: endpoint.source };
    } catch (error) {
      const { message, remedy } = toErrorResult(error);
      return { available: false, problem: message, remedy };
    }
  };

  return defineTool({
    name: "server_status",
    title: "Server status",
    description:
      "Tells versions, which engine is used and why, where the record is, which folders may be read, and what is missing. Works without an engine.",
    toolset: "server",
    input: z.object({}),
    output: z.object({
      versions: z.record(z.string(), z.string()),
      engine: engineStatus,
      store: z.object({ location: z.string() }),
      workflowEngine: z.string().nullable(),
      scanners: z.array(z.string()),
      toolsets: z.array(z.string()),
      roots: z.array(z.string()),
      health: z.object({ status: z.enum(["ok", "degraded"]), reasons: z.array(z.string()) }),
    }),
    annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
    run: async () => {
      const { versions, toolsets } = describeServer();
      const status = await askEngine();
      const reasons = status.problem === undefined ? [] : [`${status.problem}. ${status.remedy ?? ""}`.trim()];
      return {
        versions: { ...versions },
        engine: status,
        store: { location: sessions.location },
        // Neither has a package yet; said as it is.
        workflowEngine: null,
        scanners: [],
        toolsets: [...toolsets],
        roots: [...paths.roots],
        health: { status: reasons.length === 0 ? ("ok" as const) : ("degraded" as const), reasons },
      };
    },
    summarize: ({ health, engine: status, store }) =>
      [
        `health: ${health.status}${health.reasons.map((reason) => `; ${reason}`).join("")}`,
        status.available
          ? `engine: ${status.product} ${status.version} at ${status.host} (${status.source})`
          : "engine: none",
        `record: ${store.location}`,
      ].join("\n"),
  });
};
