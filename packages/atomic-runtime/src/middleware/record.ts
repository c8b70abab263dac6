import { isKitError } from "@container-kit/errors";
import type { ExecutionEnd } from "@container-kit/session";
import { fail } from "../errors.ts";
import type { Execution, Layer } from "../execution.ts";
import { namesOf } from "../log-names.ts";
import { causesOf, endOf, failure } from "../outcome.ts";
import type { ToolOutcome } from "../types.ts";
import { forget } from "../undo.ts";
import { mayDetach, own } from "./detach.ts";

/**
 * The durable record of the execution.
 *
 * - R1  It begins, with redacted input, before the effect; where it cannot begin there is no effect.
 * - R2  It is ended before the caller is answered. A success that could not be recorded is not acknowledged: the caller
 *       reads the store's failure, and in its details that the effect happened, with the result.
 * - R3  A repeated call that was answered from its idempotency key is recorded as such, without a second copy of the result.
 * - R4  What a success made is not undone any more once its end is recorded, and its notes are gone before the answer:
 *       neither a kill nor a power cut takes back what was acknowledged.
 */
export const record: Layer = async (execution, next) => {
  const { facts, services, prepared, input, call } = execution;
  const { sessions, redactor } = services;
  const started = await sessions.startExecution({
    sessionId: facts.sessionId,
    tool: facts.tool,
    correlationId: facts.correlationId,
    parent: call.parent,
    dryRun: input.dryRun,
    input: redactor.value(input.own),
    job: prepared.definition.durable === true || (input.wait === false && mayDetach(execution)),
  });
  facts.executionId = started.id;
  if (started.lease !== null) own(execution, started.lease);

  const outcome = await next();
  const end = describeEnd(execution, outcome);
  return writeEnd(execution, outcome, end);
};

function describeEnd(execution: Execution, outcome: ToolOutcome): ExecutionEnd {
  const { facts, attempt, services, abandoned } = execution;
  const isReplay = outcome.executionId !== facts.executionId;
  if (isReplay) return { status: "completed", result: { replayOf: outcome.executionId } };
  const attempts = attempt === 1 ? {} : { attempts: attempt };
  const end = endOf(outcome, abandoned !== undefined);
  if (end.status === "completed") return { ...end, ...attempts };
  const causes = causesOf(services, execution.thrown);
  return { ...end, ...attempts, ...(causes.length === 0 ? {} : { causes }) };
}

async function writeEnd(execution: Execution, outcome: ToolOutcome, end: ExecutionEnd): Promise<ToolOutcome> {
  const { facts, services } = execution;
  const { status } = end;
  execution.end = { status, recorded: false };
  try {
    await services.sessions.endExecution(facts.executionId, end);
    execution.end = { status, recorded: true };
    return outcome;
  } catch (thrown) {
    return unrecorded(execution, outcome, thrown);
  } finally {
    // R4.
    if (outcome.ok && execution.notes.length > 0) await forget(services, facts);
  }
}

function unrecorded({ facts, services }: Execution, outcome: ToolOutcome, thrown: unknown): ToolOutcome {
  services.logger.error("the end of a tool call could not be recorded", {
    ...namesOf(facts),
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
