import { routingRuleSchema } from "@container-kit/context-sharing";
import { fail } from "../errors.ts";

/** Whose rules they are. */
interface RuleOwner {
  readonly name: string;
  readonly routingRules?: readonly unknown[];
}

/**
 * Checks the form of a plugin's rules for failures; whether the tools and codes that they name are there is asked when all
 * rules are put together. Not in a plugin's own process, which has no need of what knows the form.
 *
 * @throws PLUGIN_INVALID
 */
export function checkRoutingRules({ name: plugin, routingRules = [] }: RuleOwner): void {
  for (const rule of routingRules) {
    const { error } = routingRuleSchema.safeParse(rule);
    if (error === undefined) continue;
    const { name } = (rule ?? {}) as { readonly name?: unknown };
    const [issue] = error.issues;
    const problem = `${issue?.path.join(".") ?? ""} ${issue?.message ?? ""}`.trim();
    throw fail("PLUGIN_INVALID", `plugin ${plugin}: routing rule ${JSON.stringify(name)}: ${problem}`);
  }
}
