import { defineTool } from "@container-kit/atomic-runtime";
import type { ToolDefinition } from "@container-kit/atomic-runtime";
import type { SessionDetails, ToolExecution } from "@container-kit/session";
import { z } from "zod";
import type { ToolServices } from "../../services.ts";

const time = (at: number) => new Date(at).toISOString();
const status = z.enum(["running", "completed", "failed", "cancelled", "interrupted"]);

const output = z.object({
  sessionId: z.string(),
  createdAt: z.string(),
  lastUsedAt: z.string(),
  expiresAt: z.string(),
  jobs: z.array(
    z.object({
      jobId: z.string(),
      tool: z.string(),
      status,
      startedAt: z.string(),
      endedAt: z.string().nullable(),
    }),
  ),
  executions: z.array(
    z.object({
      executionId: z.string(),
      tool: z.string(),
      status,
      dryRun: z.boolean(),
      startedAt: z.string(),
      durationMs: z.number().nullable(),
      code: z.string().nullable(),
    }),
  ),
  errors: z.array(
    z.object({ executionId: z.string(), tool: z.string(), code: z.string(), message: z.string(), at: z.string() }),
  ),
  labels: z.record(z.string(), z.string()),
  metrics: z.object({ executions: z.int(), failures: z.int(), durationMs: z.number() }),
  omitted: z.int().describe("older executions left out"),
});

/** More of one session is read from its resource. */
const MOST = 100;

export const getSessionTool = ({ sessions }: ToolServices): ToolDefinition =>
  defineTool({
    name: "get_session",
    title: "Get session",
    description:
      "Shows one session: its jobs, tool executions and errors, with what a crash interrupted. Results are in the resource session://{id}.",
    toolset: "session",
    session: "required",
    input: z.object({}),
    output,
    annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
    run: async (_input, context) => {
      const found = await sessions.getSession(context.sessionId);
      // The call that asks is running while it asks; it is not news.
      return describeSession(
        found,
        found.executions.filter(({ id }) => id !== context.executionId),
      );
    },
    summarize: ({ sessionId, executions, errors }) =>
      [
        `${sessionId}: ${executions.length} executions, ${errors.length} errors`,
        ...executions
          .slice(-20)
          .map(
            ({ startedAt, tool, status: outcome, durationMs, code }) =>
              `${startedAt} ${tool} ${outcome}${code === null ? "" : ` ${code}`}${durationMs === null ? "" : ` ${Math.round(durationMs)} ms`}`,
          ),
      ].join("\n"),
  });

function describeSession(found: SessionDetails, executions: readonly ToolExecution[]): z.input<typeof output> {
  return {
    sessionId: found.id,
    createdAt: time(found.createdAt),
    lastUsedAt: time(found.lastUsedAt),
    expiresAt: time(found.expiresAt),
    jobs: found.jobs.slice(-MOST).map((job) => ({
      jobId: job.id,
      tool: job.tool,
      status: job.status,
      startedAt: time(job.startedAt),
      endedAt: job.endedAt === null ? null : time(job.endedAt),
    })),
    executions: executions.slice(-MOST).map((execution) => ({
      executionId: execution.id,
      tool: execution.tool,
      status: execution.status,
      dryRun: execution.dryRun,
      startedAt: time(execution.startedAt),
      durationMs: execution.durationMs,
      code: execution.error?.code ?? null,
    })),
    errors: found.errors
      .slice(-MOST)
      .map(({ executionId, tool, code, message, at }) => ({ executionId, tool, code, message, at: time(at) })),
    // Nothing sets labels yet.
    labels: {},
    metrics: {
      executions: executions.length,
      failures: executions.filter(({ status: outcome }) => outcome === "failed").length,
      durationMs: executions.reduce((sum, { durationMs }) => sum + (durationMs ?? 0), 0),
    },
    omitted: Math.max(0, executions.length - MOST),
  };
}
