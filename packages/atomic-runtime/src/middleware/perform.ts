import { isKitError } from "@container-kit/errors";
import { fail } from "../errors.ts";
import type { Execution, Layer } from "../execution.ts";
import { success } from "../outcome.ts";
import { checkOutput, nextSteps } from "../output.ts";
import type { ToolContext } from "../types.ts";

/** The innermost layer: the tool itself, and the check of what it returns. */
export const perform: Layer = async (execution) => {
  const { prepared, input, services } = execution;
  let returned: unknown;
  try {
    returned = await prepared.definition.run(input.own, contextOf(execution));
  } catch (thrown) {
    throw explain(execution, thrown);
  }
  const result = checkOutput(execution, returned);
  const outcome = success(execution, result, nextSteps(execution, result));
  services.inputs.set(outcome, input.own);
  return outcome;
};

/**
 * A tool that was told to stop ends with whatever its libraries throw on an abort; the reason is what the caller should
 * read. An error with a code of its own stays: it is what really happened.
 */
function explain({ stop, facts, services }: Execution, thrown: unknown): unknown {
  if (stop.reason === undefined) return thrown;
  const { code, message } = stop.reason;
  if (!isKitError(thrown)) {
    services.logger.debug("a tool that was told to stop threw", { executionId: facts.executionId, error: thrown });
    return fail(code, message, { cause: thrown });
  }
  if (thrown.code !== "CANCELLED") return thrown;
  return fail(code, message, {
    cause: thrown,
    ...(thrown.stage === undefined ? {} : { stage: thrown.stage }),
    ...(thrown.details === undefined ? {} : { details: thrown.details }),
    ...(thrown.logTail === undefined ? {} : { logTail: thrown.logTail }),
  });
}

function contextOf(execution: Execution): ToolContext {
  const { facts, services, stop, input } = execution;
  const { tool, sessionId, executionId, correlationId, jobId } = facts;
  return {
    sessionId,
    executionId,
    correlationId,
    jobId,
    signal: stop.signal,
    dryRun: input.dryRun,
    logger: services.logger.child({ tool, sessionId, executionId, correlationId }),
    report: (progress) => execution.report(progress),
    async jobFolder() {
      if (jobId === null) throw new TypeError(`expected a durable tool to ask for a job folder, got ${tool}`);
      return services.sessions.jobFolder(jobId);
    },
  };
}
