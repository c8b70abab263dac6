import { defineTool } from "@container-kit/atomic-runtime";
import type { NextStep, ToolDefinition } from "@container-kit/atomic-runtime";
import type { Job } from "@container-kit/session";
import { z } from "zod";
import { STATUS_WORDS, describeJob, jobShape } from "../../jobs.ts";
import type { ToolServices } from "../../services.ts";
import { toTimeOrNull } from "../../time.ts";

const output = jobShape.extend({
  sessionId: z.string(),
  executionId: z.string().nullable(),
  startedAt: z.string().nullable(),
  cancelRequested: z.boolean(),
  progress: z.unknown().describe("message current total"),
  result: z.unknown().describe("of the tool"),
  error: z.unknown(),
  next: z.array(z.unknown()).describe("steps after it"),
  routing: z.unknown().optional(),
});

/** A larger result is read from the job's resource: an answer holds a mebibyte at most, with all that is around it. */
const LARGEST_RESULT = 900_000;

export const getJobTool = ({ sessions }: ToolServices): ToolDefinition =>
  defineTool({
    name: "get_job",
    title: "Get job",
    description:
      "Tells how far a job is and, when it has ended, its result or error. For a call that was answered with a jobId; ask again every few seconds while it runs.",
    toolset: "session",
    input: z.object({ jobId: z.string().min(1).max(100) }),
    output,
    annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
    run: async ({ jobId }) => describe(await sessions.getJob(jobId)),
    // In the job's own session: each call without one opens another.
    next: ({ jobId, sessionId, status, next }) =>
      status === "pending" || status === "running"
        ? [{ tool: "get_job", reason: "see whether it has ended", arguments: { jobId, sessionId } }]
        : next.filter(isStep),
    summarize: ({ jobId, tool, status, progress, error, result, routing }) =>
      [
        `${jobId}: ${tool} ${STATUS_WORDS[status]}${isRecord(progress) && error === null ? `; ${String(progress["message"])}` : ""}`,
        ...(isRecord(error) ? describeError(error) : []),
        // What leads to a call is the first of the next steps.
        ...(isRecord(routing) && routing["toTool"] === undefined
          ? [`Routing: ${String(routing["action"])} – ${String(routing["reason"])}`]
          : []),
        ...(result === null ? [] : [JSON.stringify(result)]),
      ].join("\n"),
  });

const SHOWN_LOG = 2_000;

/** As a failure is told that is answered at once. */
function describeError({ code, message, remedy, logTail }: Readonly<Record<string, unknown>>): string[] {
  return [
    `${String(code)}: ${String(message)}`,
    ...(typeof remedy === "string" ? [`What to do: ${remedy}`] : []),
    ...(typeof logTail === "string" ? ["Last output:", logTail.trimEnd().slice(-SHOWN_LOG)] : []),
  ];
}

function describe(job: Job): z.input<typeof output> {
  const outcome = isRecord(job.outcome) ? job.outcome : {};
  const { result, error, next, routing } = outcome;
  const routed = isRecord(routing) ? proposalOf(routing) : [];
  const isWhole = JSON.stringify(result ?? null).length <= LARGEST_RESULT;
  return {
    ...describeJob(job),
    sessionId: job.sessionId,
    executionId: job.executionId,
    startedAt: toTimeOrNull(job.startedAt),
    cancelRequested: job.cancelRequested,
    progress: job.progress === null ? null : { ...job.progress },
    result: isRecord(result) ? (isWhole ? result : { resource: `job://${job.id}` }) : null,
    error: isRecord(error) ? error : null,
    next: [...routed, ...(Array.isArray(next) ? next.filter(isRecord) : [])],
    ...(isRecord(routing) ? { routing } : {}),
  };
}

/** The call that a decision about the job's failure proposes, as a step: who follows a job looks there. */
function proposalOf({
  toTool: tool,
  reason,
  arguments: given,
  afterMs,
}: Readonly<Record<string, unknown>>): NextStep[] {
  const pause = typeof afterMs === "number" && afterMs > 0 ? ` (after ${Math.ceil(afterMs / 1000)} s)` : "";
  const step = { tool, reason: `${String(reason)}${pause}`, arguments: given };
  return isStep(step) ? [step] : [];
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isStep(step: unknown): step is NextStep {
  return (
    isRecord(step) &&
    typeof step["tool"] === "string" &&
    typeof step["reason"] === "string" &&
    isRecord(step["arguments"])
  );
}
