import { nearestName } from "./nearest.ts";
import { parseRules, refuse } from "./check-rules.ts";
import type { RuleProblem } from "./check-rules.ts";
import type { RoutingRule } from "./types.ts";

/** Rules that somebody adds to the defaults. */
export interface RoutingRuleSource {
  /** Who says so, for a refusal: a file, a plugin. */
  readonly source: string;
  /** One that bears the name of an earlier one replaces it, in its place. */
  readonly rules?: readonly unknown[];
  /** Names of earlier rules that are not to count. */
  readonly disabled?: readonly string[];
}

/**
 * The rules of several sources as one list, later sources over earlier ones. A source's `disabled` is about what was there
 * before it: its own rules stay.
 *
 * @throws INVALID_INPUT with every problem, its source and its rule
 */
export function mergeRoutingRules(
  defaults: readonly RoutingRule[],
  ...more: readonly RoutingRuleSource[]
): readonly RoutingRule[] {
  const merged = new Map(defaults.map((rule) => [rule.name, rule]));
  // A name that was known before, though another source has disabled it since, is no mistake.
  const known = new Set(merged.keys());
  const problems: RuleProblem[] = [];
  for (const { source, rules = [], disabled = [] } of more) {
    const parsed = parseRules(rules, source, known);
    problems.push(...parsed.problems);
    for (const [at, name] of disabled.entries()) {
      if (!known.has(name)) {
        const near = nearestName(name, known);
        const message = `there is no rule ${name.slice(0, 64)}${near === undefined ? "" : `; did you mean ${near}?`}`;
        problems.push({ source, rule: name.slice(0, 64), path: `disabled[${at}]`, message });
      }
      merged.delete(name);
    }
    for (const rule of parsed.rules) {
      merged.set(rule.name, rule);
      known.add(rule.name);
    }
  }
  refuse(problems);
  return [...merged.values()];
}
