import { commonErrors, defineErrors } from "@container-kit/errors";
import type { ErrorTable } from "@container-kit/errors";

/** The codes of requests. */
const requestErrors = {
  CANCELLED: commonErrors.CANCELLED,
  TOOL_TIMEOUT: {
    category: "runtime",
    summary: "The tool that was asked did not reply before the request's deadline and was told to stop.",
    remedy: "Check what it has changed so far, then ask again.",
    retryable: true,
    fault: "environment",
  },
} as const satisfies ErrorTable;

export const fail = defineErrors(requestErrors);
