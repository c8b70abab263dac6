import { commonErrors, defineErrors } from "@container-kit/errors";
import type { ErrorTable } from "@container-kit/errors";

/** The codes of this package; those of the medium below it, `STORE_*`, pass through. */
export const sessionErrors = {
  ...commonErrors,
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

/** An id as the caller gave it may be anything, and goes into a message. */
export function quote(id: string): string {
  return JSON.stringify(id.length > 64 ? `${id.slice(0, 64)}…` : id);
}

/** The refusal of an argument, naming it. */
export function invalid(path: string, message: string): Error {
  return fail("INVALID_INPUT", path === "" ? message : `${path}: ${message}`, {
    details: { issues: [{ path, message }] },
  });
}
