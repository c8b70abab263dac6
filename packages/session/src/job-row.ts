import type { JobRow } from "./job-statements.ts";
import { fromJsonText } from "./json-text.ts";
import type { ClaimedJob, Job, JobProgress } from "./types.ts";

/** The job of a row. */
export function toJob(row: JobRow): Job {
  return {
    id: row.id,
    sessionId: row.sessionId,
    executionId: row.executionId,
    tool: row.tool,
    status: row.status,
    progress: toProgress(row),
    createdAt: row.createdAt,
    startedAt: row.startedAt,
    endedAt: row.endedAt,
    heartbeatAt: row.heartbeatAt,
    cancelRequested: row.cancelRequested,
    outcome: fromJsonText(row.outcome),
  };
}

/** The job of a row that this process has just claimed. */
export function toClaimedJob(row: JobRow): ClaimedJob {
  return { ...toJob(row), lease: { jobId: row.id, fence: row.fence } };
}

function toProgress({ progressMessage, progressCurrent, progressTotal }: JobRow): JobProgress | null {
  return progressMessage === null ? null : { message: progressMessage, current: progressCurrent, total: progressTotal };
}
