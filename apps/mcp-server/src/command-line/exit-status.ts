import type { ErrorResult } from "@container-kit/errors";

/** The statuses that the program ends with; scripts rely on them. */
export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  refused: 3,
  noEngine: 4,
  transient: 75,
  interrupted: 130,
} as const;

export type ExitStatus = (typeof EXIT)[keyof typeof EXIT];

/** Codes whose status is not that of their category or of their `retryable`. */
const BY_CODE: Readonly<Record<string, ExitStatus>> = {
  CONFLICT: EXIT.failed,
  TOOL_NOT_FOUND: EXIT.usage,
  ENGINE_UNAVAILABLE: EXIT.noEngine,
  ENGINE_FORBIDDEN: EXIT.noEngine,
  ENGINE_BAD_ENDPOINT: EXIT.noEngine,
  POLICY_DENIED: EXIT.refused,
  CRITICAL_VULNS_FOUND: EXIT.refused,
  SECRETS_FOUND: EXIT.refused,
};

/** The status that a failure ends with; `interrupted` when a signal asked the program to stop. */
export function exitStatusOf(
  error: Pick<ErrorResult, "code" | "category" | "retryable">,
  interrupted = false,
): ExitStatus {
  if (interrupted && (error.code === "CANCELLED" || error.code === "INTERRUPTED")) return EXIT.interrupted;
  const own = BY_CODE[error.code];
  if (own !== undefined) return own;
  if (error.category === "input") return EXIT.usage;
  return error.retryable ? EXIT.transient : EXIT.failed;
}
