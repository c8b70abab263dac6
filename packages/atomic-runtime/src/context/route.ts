/**
 * Asks the failure routing where an outcome leads. It is an addition to the outcome: what fails here is logged, and costs
 * nothing else.
 *
 * - R1  Not asked about a call that was stopped, or whose tool has not stopped yet: nothing else is to begin before that.
 * - R2  A dry run is asked about without being remembered: it is no attempt. What is proposed after it is a dry run too.
 * - R3  Not about what a tool asked of another: its asker repeats or gives up, and the asker's own failure is routed.
 */
import type { FailedCall, FailureRouting, RoutingDecision } from "@container-kit/context-sharing";
import type { Execution } from "../execution.ts";
import { namesOf } from "../log-names.ts";
import type { NextStep, ToolFailure, ToolSuccess } from "../types.ts";
import { within } from "./within.ts";

const LONGEST_WAIT_MS = 2_000;
const WHAT = "the failure routing's answer";
const STOPPED = new Set(["CANCELLED", "INTERRUPTED"]);
const NO_AUTO_FIX = "auto-fix";

/** Where a failure goes next; undefined where nobody has anything to say. Never rejects. */
export async function routeFailure(execution: Execution, outcome: ToolFailure): Promise<RoutingDecision | undefined> {
  const { services, facts, input, abandoned } = execution;
  const { routing, registry } = services;
  if (routing === undefined || facts.asked || abandoned !== undefined || STOPPED.has(outcome.error.code))
    return undefined;
  try {
    const call = failedCall(execution, outcome);
    const decide = (): Promise<RoutingDecision | null> =>
      input.dryRun ? foresee(routing, call) : routing.failed(call);
    const decision = await within(services, LONGEST_WAIT_MS, decide, WHAT);
    if (decision === null) return undefined;
    const { toTool, arguments: known } = decision;
    if (toTool === undefined) return decision;
    const tries = input.dryRun && registry.find(toTool)?.inputFields.includes("dryRun") === true;
    const complete = { ...known, sessionId: facts.sessionId, ...(tries ? { dryRun: true } : {}) };
    return services.redactor.value({ ...decision, arguments: complete });
  } catch (error) {
    services.logger.warn("a failure could not be routed", { ...namesOf(facts), code: outcome.error.code, error });
    return undefined;
  }
}

/** What follows a success in a chain of repairs; undefined where it is part of none. Never rejects. */
export async function continueChain(execution: Execution, outcome: ToolSuccess): Promise<NextStep | undefined> {
  const { services, facts, input } = execution;
  const { routing, registry } = services;
  if (routing === undefined || facts.asked || input.dryRun) return undefined;
  // A session that was opened for this call has no failures.
  if (input.sessionId === undefined || !routing.router.mentions(facts.tool)) return undefined;
  const { tool, sessionId, executionId } = facts;
  const call = { tool, sessionId, executionId, input: input.own, result: outcome.result };
  try {
    const step = await within(services, LONGEST_WAIT_MS, () => routing.succeeded(call), WHAT);
    if (step === null || !registry.serves(step.tool)) return undefined;
    return services.redactor.value({ ...step, arguments: { ...step.arguments, sessionId } });
  } catch (error) {
    services.logger.warn("what follows in a chain of repairs is not known", { ...namesOf(facts), error });
    return undefined;
  }
}

/** R2. */
async function foresee(routing: FailureRouting, call: FailedCall): Promise<RoutingDecision | null> {
  return (await routing.explain(call)).decision;
}

function failedCall({ services, facts, input, labels }: Execution, { error }: ToolFailure): FailedCall {
  const { tool, sessionId, executionId, correlationId } = facts;
  const { code, category, retryable, message, details } = error;
  return {
    tool,
    error: { code, category, retryable, message, ...(details === undefined ? {} : { details }) },
    input: input.own,
    sessionId,
    executionId,
    correlationId,
    autoFix: services.autoFix && labels[NO_AUTO_FIX] !== "false",
    labels,
  };
}
