import { isKitError } from "@container-kit/errors";
import { cancelAsked } from "../ask.ts";
import { hasOffers, readOffers } from "../context/offer.ts";
import { fail } from "../errors.ts";
import type { Execution, Layer } from "../execution.ts";
import { namesOf } from "../log-names.ts";
import { success } from "../outcome.ts";
import { checkOutput, nextSteps } from "../output.ts";
import { contextOf } from "../tool-context.ts";

/** The innermost layer: the tool itself, and the check of what it returns. */
export const perform: Layer = async (execution) => {
  const { input, services, stop, prepared } = execution;
  let returned: unknown;
  try {
    if (hasOffers(execution)) execution.offered ??= await readOffers(execution);
    stop.throwIfStopped();
    // Of the run before, where there was one.
    execution.asking = undefined;
    returned = await begin(execution);
  } catch (thrown) {
    throw explain(execution, thrown);
  } finally {
    cancelAsked(execution);
  }
  const result = checkOutput(execution, returned);
  const outcome = success(execution, result, nextSteps(execution, result));
  if (prepared.definition.summarize !== undefined) services.inputs.set(outcome, input.own);
  return outcome;
};

function begin(execution: Execution): Promise<unknown> {
  const { prepared, input } = execution;
  const { definition } = prepared;
  const context = contextOf(execution);
  if (input.dryRun && definition.dryRun !== undefined) return definition.dryRun(input.own, context);
  return definition.run(input.own, context);
}

/**
 * A tool that was told to stop ends with whatever its libraries throw on an abort; the reason is what the caller should
 * read. An error with a code of its own stays: it is what really happened.
 */
function explain({ stop, facts, services }: Execution, thrown: unknown): unknown {
  if (stop.reason === undefined || thrown === stop.reason.error) return thrown;
  const { code, message } = stop.reason;
  if (!isKitError(thrown)) {
    services.logger.debug("a tool that was told to stop threw", { ...namesOf(facts), error: thrown });
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
