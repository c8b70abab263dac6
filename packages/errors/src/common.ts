import type { ErrorTable } from "./kit-error.ts";

/** The codes that every layer may need. A package adds its own beside them in its `errors.ts`. */
export const commonErrors = {
  INVALID_INPUT: {
    category: "input",
    summary: "An argument does not have the form that is asked for.",
    remedy: "Correct the arguments named in details.issues and call again.",
    retryable: false,
    fault: "caller",
  },
  NOT_FOUND: {
    category: "input",
    summary: "A file or folder that was named does not exist.",
    remedy: "Check the path; relative paths start at the server's working directory.",
    retryable: false,
    fault: "caller",
  },
  CONFLICT: {
    category: "input",
    summary: "What is asked for would replace something that exists.",
    remedy: "Repeat the call with the overwriting option if the existing one may go.",
    retryable: false,
    fault: "caller",
  },
  UNSUPPORTED: {
    category: "input",
    summary: "This version does not do that.",
    remedy: "See what is supported in the message, or do this step by hand.",
    retryable: false,
    fault: "caller",
  },
  CANCELLED: {
    category: "runtime",
    summary: "The caller cancelled the operation and its effect was stopped.",
    remedy: "Call again when the work is wanted.",
    retryable: false,
    fault: "caller",
  },
  INTERNAL: {
    category: "runtime",
    summary: "Container Kit itself failed.",
    remedy: "Report this with the correlation id; the server's log on stderr has the stack.",
    retryable: false,
    fault: "us",
  },
} as const satisfies ErrorTable;
