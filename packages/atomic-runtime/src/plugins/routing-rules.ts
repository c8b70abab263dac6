import { mergeRoutingRules } from "@container-kit/context-sharing";
import { isKitError } from "@container-kit/errors";
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
    const { name } = (rule ?? {}) as { readonly name?: unknown };
    // It is pinned, reported and left out by its name: unlike a rule of a configuration, it gets none that is made up.
    const fault = name === undefined ? "name: is missing" : findFault(rule);
    if (fault === undefined) continue;
    throw fail(
      "PLUGIN_INVALID",
      `plugin ${plugin}: routing rule ${JSON.stringify(name) ?? "without a name"}: ${fault}`,
    );
  }
}

function findFault(rule: unknown): string | undefined {
  try {
    mergeRoutingRules([], { source: "a plugin", rules: [rule] });
    return undefined;
  } catch (error) {
    if (!isKitError(error, "INVALID_INPUT")) throw error;
    const { issues } = error.details as {
      readonly issues: readonly { readonly path: string; readonly message: string }[];
    };
    return issues.map(({ path, message }) => `${path.replace(/^rules\[0\]\.?/, "")}: ${message}`).join("; ");
  }
}
