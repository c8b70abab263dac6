import { defineTool } from "@container-kit/atomic-runtime";
import type { ToolDefinition } from "@container-kit/atomic-runtime";
import { z } from "zod";
import { would } from "../../fields.ts";
import { STATUS_WORDS, describeJob, jobShape } from "../../jobs.ts";
import type { ToolServices } from "../../services.ts";

export const cancelJobTool = ({ sessions, cancelJob }: ToolServices): ToolDefinition =>
  defineTool({
    name: "cancel_job",
    title: "Cancel job",
    description:
      "Asks a job to stop, in whichever server it runs; what it made is undone. One that has ended stays as it is: `status` says so.",
    toolset: "session",
    input: z.object({ jobId: z.string().min(1).max(100) }),
    output: jobShape.extend({ cancelRequested: z.boolean(), would }),
    annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false },
    acts: () => ({ verb: "cancel" }),
    run: async ({ jobId }, { dryRun }) => {
      if (dryRun) {
        const job = await sessions.getJob(jobId);
        const isOpen = job.status === "pending" || job.status === "running";
        const plan = isOpen ? `stop ${job.tool}` : `nothing: ${job.tool} ${STATUS_WORDS[job.status]}`;
        return { ...describeJob(job), cancelRequested: job.cancelRequested, would: [plan] };
      }
      const job = await (cancelJob?.(jobId) ?? sessions.requestCancel(jobId));
      return { ...describeJob(job), cancelRequested: job.cancelRequested };
    },
    next: ({ jobId, status }) =>
      status === "running" ? [{ tool: "get_job", reason: "see that it has ended", arguments: { jobId } }] : [],
    summarize: ({ jobId, tool, status, cancelRequested, would: plan }) =>
      plan?.join("\n") ??
      `${jobId}: ${tool} ${STATUS_WORDS[status]}${status === "running" && cancelRequested ? " and was asked to stop" : ""}`,
  });
