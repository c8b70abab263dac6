import type { Execution, Layer } from "../execution.ts";

/** Asks the policies whether the tool may do what it is about to do. What they refuse is recorded, and has no effect. */
export const policy: Layer = async (execution, next) => {
  const { services, prepared, facts, input } = execution;
  const act = prepared.definition.acts?.(input.own);
  if (act !== undefined) services.policy?.check(facts.tool, act);
  return next();
};

/** Only where there are policies, and for a tool that acts. */
export function isJudged({ services, prepared }: Execution): boolean {
  return services.policy !== undefined && prepared.definition.acts !== undefined;
}
