import type { RoutingDecision } from "@container-kit/context-sharing";
import { describeContext } from "../context/outcome-context.ts";
import { continueChain, routeFailure } from "../context/route.ts";
import { shareProduced } from "../context/share.ts";
import type { Shared } from "../context/share.ts";
import type { Execution, Layer } from "../execution.ts";
import type { NextStep, OutcomeContext, ToolFailure, ToolOutcome, ToolSuccess } from "../types.ts";

const NOTHING: Shared = { produced: [], problems: [] };

/**
 * What a call leaves in its session, and where it leads from there.
 *
 * - X1  Only once its end is recorded: a crash before that undoes what was made, and there must be no entry of it. A crash
 *       after it loses the entry, never the truth.
 * - X2  An outcome that was replayed was exchanged when it was made: it is handed on as it was.
 * - X3  Nothing here fails a call, and a store that hangs holds its answer for seconds at most.
 */
export const exchange: Layer = async (execution, next) => {
  const outcome = await next();
  const isReplay = outcome.executionId !== execution.facts.executionId;
  if (execution.end?.recorded !== true || isReplay) return outcome;
  return outcome.ok ? afterSuccess(execution, outcome) : afterFailure(execution, outcome);
};

/** Only for tools that take or leave something, and where failures are routed. */
export function isExchanged({ services, prepared }: Execution): boolean {
  return services.routing !== undefined || (services.context !== undefined && exchanges(prepared.declarations));
}

async function afterSuccess(execution: Execution, outcome: ToolSuccess): Promise<ToolOutcome> {
  const { prepared, input, services } = execution;
  const { declarations } = prepared;
  const leaves = services.context !== undefined && declarations.produces.length > 0 && !input.dryRun;
  const shared = leaves ? await shareProduced(execution, outcome) : NOTHING;
  const step = await continueChain(execution, outcome);
  const context = await contextOf(execution, shared);
  if (step === undefined && context === undefined) return outcome;
  const whole: ToolSuccess = {
    ...outcome,
    ...(context === undefined ? {} : { context }),
    ...(step === undefined ? {} : { next: putFirst(step, outcome.next) }),
  };
  const rendered = services.inputs.get(outcome);
  if (rendered !== undefined) services.inputs.set(whole, rendered);
  return whole;
}

async function afterFailure(execution: Execution, outcome: ToolFailure): Promise<ToolOutcome> {
  const routing: RoutingDecision | undefined = await routeFailure(execution, outcome);
  const context = await contextOf(execution, NOTHING);
  if (routing === undefined && context === undefined) return outcome;
  return {
    ...outcome,
    ...(context === undefined ? {} : { context }),
    ...(routing === undefined ? {} : { routing }),
  };
}

async function contextOf(execution: Execution, shared: Shared): Promise<OutcomeContext | undefined> {
  const { services, prepared } = execution;
  if (services.context === undefined || !exchanges(prepared.declarations)) return undefined;
  return describeContext(execution, shared);
}

/** What a chain says comes before what the tool itself would suggest for the same tool. */
function putFirst(step: NextStep, next: readonly NextStep[]): readonly NextStep[] {
  return [step, ...next.filter(({ tool }) => tool !== step.tool)];
}

function exchanges({ consumes, produces }: Execution["prepared"]["declarations"]): boolean {
  return consumes.length > 0 || produces.length > 0;
}
