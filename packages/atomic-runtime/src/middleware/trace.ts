import { ATTRIBUTE, recordToolCall } from "@container-kit/observability";
import type { Execution, Layer } from "../execution.ts";
import { logOutcome } from "../outcome.ts";
import type { ToolOutcome } from "../types.ts";

/** One span per execution, one log line at its start and one at its end, and its counts. */
export const trace: Layer = async (execution, next) => {
  const { facts, services, call, input } = execution;
  const { telemetry, logger } = services;
  const { tool, sessionId } = facts;
  const span = telemetry.span(`tools/call ${tool}`, {
    kind: "server",
    parent: call.traceparent,
    attributes: {
      [ATTRIBUTE.method]: "tools/call",
      [ATTRIBUTE.operation]: "execute_tool",
      [ATTRIBUTE.tool]: tool,
      [ATTRIBUTE.session]: sessionId,
      [ATTRIBUTE.dryRun]: input.dryRun,
    },
  });
  facts.traceparent = span.traceparent;
  if (call.correlationId === undefined && span.traceId !== undefined) facts.correlationId = span.traceId;
  const { correlationId } = facts;
  logger.debug("tool call begins", { tool, sessionId, correlationId });

  const outcome = await next();
  span.set({
    [ATTRIBUTE.execution]: facts.executionId,
    [ATTRIBUTE.job]: facts.jobId ?? undefined,
    [ATTRIBUTE.correlation]: correlationId,
    [ATTRIBUTE.attempt]: execution.attempt,
  });
  if (outcome.ok) span.end();
  else span.end({ code: outcome.error.code, message: outcome.error.message });
  measure(execution, outcome);
  logOutcome(services, outcome);
  return outcome;
};

function measure({ facts, services }: Execution, outcome: ToolOutcome): void {
  const { telemetry, clock } = services;
  const code = outcome.ok ? null : outcome.error.code;
  recordToolCall(telemetry, { tool: facts.tool, code, durationMs: clock() - facts.startedAt });
}
