/** Jobs as results show them. */
import type { Job } from "@container-kit/session";
import { z } from "zod";
import { toTime, toTimeOrNull } from "./time.ts";

/** How a job stands. */
export const jobStatus = z.enum(["pending", "running", "completed", "failed", "cancelled", "interrupted"]);

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
