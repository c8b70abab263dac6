import { isKitError } from "@container-kit/errors";
import type { JobLease, SessionStore } from "@container-kit/session";
import type { Execution } from "../execution.ts";
import { namesOf } from "../log-names.ts";
import { later } from "../internal/later.ts";

/** For a job whose caller has been answered: how long to wait before each further try to keep its outcome. */
const PAUSES_MS = [200, 1_000, 5_000];

/**
 * Keeps how a job ended. Never rejects.
 *
 * - E1  A job that was taken from this process is not this process's to end; what happened is in the execution's record.
 * - E2  Where the store does not take the outcome, a caller who still waits has it from us; for one who was answered with
 *       the job it is tried again, because it is nowhere else.
 */
export async function endJob(
  execution: Execution,
  lease: JobLease,
  end: Parameters<SessionStore["endJob"]>[1],
): Promise<void> {
  const { services, facts } = execution;
  const { sessions, logger, jobs } = services;
  const named = { ...namesOf(facts), jobId: lease.jobId };
  try {
    for (const pauseMs of execution.detached ? [...PAUSES_MS, undefined] : [undefined]) {
      try {
        return await sessions.endJob(lease, end);
      } catch (error) {
        if (isKitError(error, "CONFLICT")) return logger.warn("a job that ended was another's by then", named);
        logger.error("how a job ended could not be kept", { ...named, error });
        if (pauseMs !== undefined) await later(pauseMs);
      }
    }
  } finally {
    jobs.drop(lease.jobId);
  }
}
