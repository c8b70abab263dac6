import { defineTool } from "@container-kit/atomic-runtime";
import type { ToolDefinition } from "@container-kit/atomic-runtime";
import type { SessionDetails } from "@container-kit/session";
import type { ExtractedTool } from "@container-kit/context-sharing";
import { z } from "zod";
import { describeJob, jobShape, jobStatus } from "../../jobs.ts";
import type { ToolServices } from "../../services.ts";
import { toTime } from "../../time.ts";
import { describeKnown, readKnown, readTools } from "./context.ts";
import type { KnownEntry } from "./context.ts";

const output = z.object({
  sessionId: z.string(),
  createdAt: z.string(),
  lastUsedAt: z.string(),
  expiresAt: z.string(),
  labels: z.record(z.string(), z.string()),
  metadata: z.record(z.string(), z.unknown()),
  jobs: z.array(jobShape),
  executions: z.array(
    z.object({
      executionId: z.string(),
      tool: z.string(),
      status: jobStatus,
      dryRun: z.boolean(),
      startedAt: z.string(),
      durationMs: z.number().nullable(),
      code: z.string().nullable(),
      produced: z.array(z.string()).optional(),
      after: z.array(z.string()).optional().describe("executions that it used"),
    }),
  ),
  known: z.array(z.unknown()).describe("type key version tool executionId expiresAt"),
  errors: z.array(
    z.object({ executionId: z.string(), tool: z.string(), code: z.string(), message: z.string(), at: z.string() }),
  ),
  metrics: z
    .record(z.string(), z.number().nullable())
    .describe("of what has ended: executions failures successRate durationMs p50 p95 p99 (ms)"),
  omitted: z.int().describe("older executions left out"),
});

/** More of one session is read from its resource. */
const MOST = 100;

export const getSessionTool = (services: ToolServices): ToolDefinition =>
  defineTool({
    name: "get_session",
    title: "Get session",
    description:
      "Shows one session: its jobs, tool executions and errors, with what a crash interrupted and what is known. Results are in the resource session://{id}.",
    toolset: "session",
    session: "required",
    input: z.object({}),
    output,
    annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
    // The call that asks is running while it asks; it is not news.
    run: async (_input, { sessionId, executionId }) => {
      const found = await services.sessions.getSession(sessionId, { executions: MOST + 1 });
      const [known, tools] = await Promise.all([
        readKnown(services, sessionId),
        readTools(services, sessionId, found.executions),
      ]);
      return { ...describe(found, executionId, tools), known };
    },
    summarize: ({ sessionId, executions, errors, known, metrics: { successRate = null, p95 = null } }) =>
      [
        `${sessionId}: ${executions.length} executions, ${errors.length} errors${successRate === null ? "" : `, ${Math.round(successRate * 100)}% completed`}${p95 === null ? "" : `, p95 ${Math.round(p95)} ms`}`,
        ...executions
          .slice(-20)
          .map(
            ({ startedAt, tool, status: outcome, durationMs, code }) =>
              `${startedAt} ${tool} ${outcome}${code === null ? "" : ` ${code}`}${durationMs === null ? "" : ` ${Math.round(durationMs)} ms`}`,
          ),
        ...(known.length === 0 ? ["known: nothing"] : known.map((one) => describeKnown(one as KnownEntry))),
      ].join("\n"),
  });

function describe(
  found: SessionDetails,
  asking: string,
  tools: ReadonlyMap<string, ExtractedTool>,
): Omit<z.input<typeof output>, "known"> {
  const executions = found.executions.filter(({ id }) => id !== asking);
  return {
    sessionId: found.id,
    createdAt: toTime(found.createdAt),
    lastUsedAt: toTime(found.lastUsedAt),
    expiresAt: toTime(found.expiresAt),
    labels: { ...found.labels },
    metadata: { ...found.metadata },
    jobs: found.jobs.slice(-MOST).map(describeJob),
    executions: executions.slice(-MOST).map((execution) => ({
      executionId: execution.id,
      tool: execution.tool,
      status: execution.status,
      dryRun: execution.dryRun,
      startedAt: toTime(execution.startedAt),
      durationMs: execution.durationMs,
      code: execution.error?.code ?? null,
      ...describeExchange(tools.get(execution.id)),
    })),
    errors: found.errors
      .slice(-MOST)
      .map(({ executionId, tool, code, message, at }) => ({ executionId, tool, code, message, at: toTime(at) })),
    metrics: describeMetrics(found.statistics),
    omitted: found.omitted + Math.max(0, executions.length - MOST),
  };
}

/** Only what there is: most executions take and leave nothing. */
function describeExchange(
  tool: ExtractedTool | undefined,
): Pick<z.input<typeof output>["executions"][number], "produced" | "after"> {
  const { produced = [], after = [] } = tool ?? {};
  return {
    ...(produced.length === 0
      ? {}
      : { produced: produced.map(({ type, key, version }) => `${type} ${key} (version ${version})`) }),
    ...(after.length === 0 ? {} : { after: [...after] }),
  };
}

function describeMetrics(counted: SessionDetails["statistics"]): z.input<typeof output>["metrics"] {
  const { completed, failed, cancelled, interrupted, successRate, totalMs, p50, p95, p99 } = counted;
  const executions = completed + failed + cancelled + interrupted;
  return { executions, failures: failed, successRate, durationMs: totalMs, p50, p95, p99 };
}
