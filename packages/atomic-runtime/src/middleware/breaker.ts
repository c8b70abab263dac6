import { isKitError } from "@container-kit/errors";
import type { Verdict } from "../circuits.ts";
import type { Execution, Layer } from "../execution.ts";
import type { ToolOutcome } from "../types.ts";

/** Leaves alone what failed several times in a row. Around the deadline: a target that makes tools hang is ill as well. */
export const breaker: Layer = async (execution, next) => {
  const { prepared, input, facts, services } = execution;
  const target = prepared.definition.target?.(input.own);
  if (target === undefined) return next();
  return services.circuits.run(facts.tool, target, async () => {
    const outcome = await next();
    return { outcome, verdict: judge(execution, outcome) };
  });
};

function judge({ stop, thrown }: Execution, outcome: ToolOutcome): Verdict {
  if (outcome.ok) return "well";
  if (stop.reason !== undefined && stop.reason.code !== "TOOL_TIMEOUT") return "neither";
  const byCaller = isKitError(thrown) && thrown.fault === "caller";
  return outcome.error.retryable && !byCaller ? "ill" : "well";
}

/** Only for tools that name what they depend on. */
export function hasCircuit({ prepared }: Execution): boolean {
  return prepared.definition.target !== undefined;
}
