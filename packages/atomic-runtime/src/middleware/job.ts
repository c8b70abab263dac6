import type { Layer } from "../execution.ts";
import { endJob } from "./end-job.ts";

/** Ends the job that an execution is, or has become, with its outcome as the caller reads it. */
export const job: Layer = async (execution, next) => {
  const outcome = await next();
  const { lease, end } = execution;
  if (lease !== undefined && end !== undefined) await endJob(execution, lease, { status: end.status, outcome });
  return outcome;
};
