import type { Execution, Layer } from "../execution.ts";

/**
 * Asks the policies whether the tool may do what it is about to do. What they refuse is recorded, and has no effect. A
 * tool with effects that does not say which is judged too: the rules that are for it refuse what nobody knows.
 */
export const policy: Layer = async (execution, next) => {
  const { services, prepared, facts, input } = execution;
  services.policy?.check(facts.tool, prepared.definition.acts?.(input.own));
  return next();
};

/** Only where there are policies, and for a tool that acts or has effects. */
export function isJudged({ services, prepared }: Execution): boolean {
  const { definition } = prepared;
  return services.policy !== undefined && (definition.acts !== undefined || !definition.annotations.readOnlyHint);
}
