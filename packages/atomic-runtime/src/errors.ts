import { commonErrors, defineErrors } from "@container-kit/errors";

/** The codes of this package: what can go wrong between a call and its tool. */
export const runtimeErrors = {
  INVALID_INPUT: commonErrors.INVALID_INPUT,
  CONFLICT: commonErrors.CONFLICT,
  CANCELLED: commonErrors.CANCELLED,
  INTERNAL: commonErrors.INTERNAL,
  TOOL_NOT_FOUND: {
    category: "runtime",
    summary: "No tool of that name is served.",
    remedy: "List the tools and use one of their names.",
    retryable: false,
    fault: "caller",
  },
  TOOL_TIMEOUT: {
    category: "runtime",
    summary: "The tool did not finish before its deadline and was told to stop.",
    remedy: "Check what it has changed so far, then call again.",
    retryable: true,
    fault: "environment",
  },
  INTERRUPTED: {
    category: "runtime",
    summary: "The server stopped before the work was done.",
    remedy: "Call again when the server is back; get_session shows how far it came.",
    retryable: true,
    fault: "environment",
  },
  OUTPUT_INVALID: {
    category: "runtime",
    summary: "The tool returned something that its own output schema, JSON or the size limit does not allow.",
    remedy: "Report this with the correlation id, and check what the tool has changed before calling it again.",
    retryable: false,
    fault: "us",
  },
  CIRCUIT_OPEN: {
    category: "runtime",
    summary: "What the tool depends on failed several times in a row and is left alone for a moment.",
    remedy: "See why it fails (details.lastCode), and call again after details.retryAfterMs milliseconds.",
    retryable: true,
    fault: "environment",
  },
  OVERLOADED: {
    category: "runtime",
    summary: "As many calls as are allowed at once already run or wait.",
    remedy: "Wait for details.retryAfterMs milliseconds and call again.",
    retryable: true,
    fault: "environment",
  },
  PLUGIN_INVALID: {
    category: "runtime",
    summary: "A plugin does not keep the plugin contract.",
    remedy: "Correct what the message names in the plugin, or do not load it.",
    retryable: false,
    fault: "caller",
  },
  POLICY_DENIED: {
    category: "security",
    summary: "The configuration does not allow this.",
    remedy: "Change the configuration named in the message, if it may be changed.",
    retryable: false,
    fault: "caller",
  },
} as const;

/** Makes an error of this package. */
export const fail = defineErrors(runtimeErrors);
