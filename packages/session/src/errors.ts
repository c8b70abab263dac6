import { defineErrors } from "@container-kit/errors";
import type { ErrorTable } from "@container-kit/errors";

/** The codes of this package; those of the medium below it, `STORE_*`, pass through. */
export const sessionErrors = {
  SESSION_NOT_FOUND: {
    category: "session",
    summary: "There is no session with that id.",
    remedy: "Call without sessionId to open a new session, or list the sessions to find the id.",
    retryable: false,
    fault: "caller",
  },
  SESSION_EXPIRED: {
    category: "session",
    summary: "The session was last used too long ago to be continued; what happened in it can still be read.",
    remedy: "Call without sessionId to open a new session.",
    retryable: false,
    fault: "caller",
  },
  JOB_NOT_FOUND: {
    category: "session",
    summary: "There is no job with that id.",
    remedy: "Read the session that the job belongs to; it lists its jobs.",
    retryable: false,
    fault: "caller",
  },
} as const satisfies ErrorTable;

export const fail = defineErrors(sessionErrors);
