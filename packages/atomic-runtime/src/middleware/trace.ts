import type { Layer } from "../execution.ts";
import { logOutcome } from "../outcome.ts";

/** One log line at the start and one at the end of each execution. */
export const trace: Layer = async ({ facts, services }, next) => {
  const { tool, sessionId, correlationId } = facts;
  services.logger.debug("tool call begins", { tool, sessionId, correlationId });
  const outcome = await next();
  logOutcome(services, outcome);
  return outcome;
};
