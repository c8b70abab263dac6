/** Jobs as results show them. */
import type { Job } from "@container-kit/session";
import { z } from "zod";
import { toTime, toTimeOrNull } from "./time.ts";

/** How a job stands. */
export const jobStatus = z.enum(["pending", "running", "completed", "failed", "cancelled", "interrupted"]);

/** The same after the name of the tool, for a person. */
export const STATUS_WORDS: Readonly<Record<Job["status"], string>> = {
  pending: "waits",
  running: "is running",
  completed: "is completed",
  failed: "failed",
  cancelled: "was cancelled",
  interrupted: "was interrupted",
};

/** A job in a few words. */
export const jobShape = z.object({
  jobId: z.string(),
  tool: z.string(),
  status: jobStatus,
  createdAt: z.string(),
  endedAt: z.string().nullable(),
});

/** The same as data. */
export function describeJob(job: Job): z.input<typeof jobShape> {
  const { id, tool, status, createdAt, endedAt } = job;
  return { jobId: id, tool, status, createdAt: toTime(createdAt), endedAt: toTimeOrNull(endedAt) };
}
