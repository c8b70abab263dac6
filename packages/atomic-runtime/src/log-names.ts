import type { LogFields } from "@container-kit/observability";
import type { CallFacts } from "./execution.ts";

/** What every log line about a call says, so that its lines are found together, and with its record and its trace. */
export function namesOf({ tool, sessionId, executionId, correlationId }: CallFacts): LogFields {
  return { tool, sessionId, executionId, correlationId };
}
