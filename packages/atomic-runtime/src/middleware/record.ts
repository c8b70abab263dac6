import { isKitError } from "@container-kit/errors";
import { fail } from "../errors.ts";
import type { Execution, Layer } from "../execution.ts";
import { endOf, failure } from "../outcome.ts";
import type { ToolOutcome } from "../types.ts";

/**
 * The durable record of the execution.
 *
 * - R1  It begins, with redacted input, before the effect; where it cannot begin there is no effect.
 * - R2  It is ended before the caller is answered. A success that could not be recorded is not acknowledged: the caller
 *       reads the store's failure, and in its details that the effect happened, with the result.
 * - R3  A repeated call that was answered from its idempotency key is recorded as such, without a second copy of the result.
 */
export const record: Layer = async (execution, next) => {
  const { facts, services, prepared, input } = execution;
  const { sessions, redactor } = services;
  const started = await sessions.startExecution({
    sessionId: facts.sessionId,
    tool: facts.tool,
    correlationId: facts.correlationId,
    dryRun: input.dryRun,
    input: redactor.value(input.own),
    job: prepared.definition.durable === true,
  });
  facts.executionId = started.id;
  facts.jobId = started.jobId;

  const outcome = await next();
  const isReplay = outcome.executionId !== started.id;
  try {
    await sessions.endExecution(
      started.id,
      isReplay
        ? { status: "completed", result: { replayOf: outcome.executionId } }
        : endOf(outcome, execution.abandoned !== undefined),
    );
    return outcome;
  } catch (thrown) {
    return unrecorded(execution, outcome, thrown);
  }
};

function unrecorded({ facts, services }: Execution, outcome: ToolOutcome, thrown: unknown): ToolOutcome {
  services.logger.error("the end of a tool call could not be recorded", {
    tool: facts.tool,
    executionId: facts.executionId,
    error: thrown,
  });
  if (!outcome.ok) return outcome;
  const broken = failure(facts, services, isKitError(thrown) ? thrown : fail("INTERNAL", "the record is not writable"));
  return {
    ...broken,
    error: {
      ...broken.error,
      message: `${facts.tool} did its work, but that could not be recorded: ${broken.error.message}`,
      details: { ...broken.error.details, effect: "happened", result: outcome.result },
    },
  };
}
