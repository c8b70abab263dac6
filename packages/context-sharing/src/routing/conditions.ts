/**
 * What has to hold for a rule to apply, each thing with its words: the decision and its explanation cannot differ.
 *
 * - C1  A rule that routes or ignores is used once on a cause in a chain; one that repeats, as often as its policy says.
 * - C2  A route of which a tool cannot be called here does not apply: it would break off half way.
 */
import { usesOf } from "./chain.ts";
import type { CauseHistory } from "./chain.ts";
import { isAtLeast, severityOf } from "./severity.ts";
import type { Failure, RoutingRule, RuleConditions } from "./types.ts";

/** A failure with what was decided on its cause before. */
export interface Asked {
  readonly failure: Failure;
  readonly history: CauseHistory;
}

/** One thing that is looked at. */
export interface Condition {
  holds(asked: Asked): boolean;
  /** What was seen, in words. */
  tell(asked: Asked): string;
}

/** What is asked of the tool and the code, by which rules are found. */
export function scopeOf({ fromTool, errorCodes }: RoutingRule): readonly Condition[] {
  return [
    ...(fromTool === undefined ? [] : [oneOf("fromTool", namesOf(fromTool), ({ tool }) => tool)]),
    ...(errorCodes === undefined ? [] : [oneOf("errorCodes", errorCodes, ({ error }) => error.code)]),
  ];
}

/** What is asked besides. */
export function conditionsOf(rule: RoutingRule, serves: (tool: string) => boolean): readonly Condition[] {
  const { categories, when = {} } = rule;
  return [
    ...(categories === undefined ? [] : [oneOf("categories", categories, ({ error }) => error.category)]),
    ...whenOf(when),
    ...usageOf(rule),
    ...(rule.action === "route" ? [served([rule.toTool, ...(rule.then ?? []).map(({ tool }) => tool)], serves)] : []),
  ];
}

/** The names that a rule gives as one or as several. */
export function namesOf(names: string | readonly string[]): readonly string[] {
  return typeof names === "string" ? [names] : names;
}

function oneOf(what: string, allowed: readonly string[], read: (failure: Failure) => string): Condition {
  const list = allowed.join(", ");
  return {
    holds: ({ failure }) => allowed.includes(read(failure)),
    tell: ({ failure }) => {
      const value = read(failure);
      return `${what}: ${value} is ${allowed.includes(value) ? "" : "not "}one of ${list}`;
    },
  };
}

function whenOf({ attempts, severity, autoFix, labels, retryable }: RuleConditions): readonly Condition[] {
  return [
    ...(attempts === undefined ? [] : [attemptsCondition(attempts)]),
    ...(severity === undefined ? [] : [severityCondition(severity.atLeast)]),
    ...(autoFix === undefined ? [] : [flag("autoFix", autoFix, (failure) => failure.autoFix)]),
    ...(retryable === undefined ? [] : [flag("retryable", retryable, ({ error }) => error.retryable)]),
    ...Object.entries(labels ?? {}).map(([name, value]) => labelCondition(name, value)),
  ];
}

function attemptsCondition({ atLeast = 0, atMost = Infinity }: NonNullable<RuleConditions["attempts"]>): Condition {
  const wanted = [
    ...(atLeast === 0 ? [] : [`at least ${atLeast}`]),
    ...(atMost === Infinity ? [] : [`at most ${atMost}`]),
  ];
  return {
    holds: ({ history: { attempts } }) => attempts >= atLeast && attempts <= atMost,
    tell: ({ history: { attempts } }) =>
      `attempts: this cause was decided on ${times(attempts)} before, ${wanted.join(" and ") || "any number"} is asked`,
  };
}

function severityCondition(atLeast: NonNullable<RuleConditions["severity"]>["atLeast"]): Condition {
  return {
    holds: ({ failure }) => isAtLeast(severityOf(failure), atLeast),
    tell: ({ failure }) => `severity: ${severityOf(failure)}, at least ${atLeast} is asked`,
  };
}

function flag(name: string, wanted: boolean, read: (failure: Failure) => boolean): Condition {
  return {
    holds: ({ failure }) => read(failure) === wanted,
    tell: ({ failure }) => `${name}: ${String(read(failure))}, ${String(wanted)} is asked`,
  };
}

function labelCondition(name: string, wanted: string): Condition {
  const read = ({ failure: { labels = {} } }: Asked): string | undefined =>
    Object.hasOwn(labels, name) ? labels[name] : undefined;
  return {
    holds: (asked) => read(asked) === wanted,
    tell: (asked) => `labels: ${name} is ${read(asked) ?? "not set"}, ${wanted} is asked`,
  };
}

/** (C1) */
function usageOf(rule: RoutingRule): readonly Condition[] {
  if (rule.action === "fail") return [];
  const most = rule.action === "retry" ? rule.retry.attempts : 1;
  return [
    {
      holds: ({ history }) => usesOf(history, rule.name) < most,
      tell: ({ history }) => `uses: ${usesOf(history, rule.name)} of ${most} on this cause`,
    },
  ];
}

/** (C2) */
function served(tools: readonly string[], serves: (tool: string) => boolean): Condition {
  return {
    holds: () => tools.every(serves),
    tell: () => {
      const missing = tools.filter((tool) => !serves(tool));
      return missing.length === 0
        ? `tools: ${tools.join(", ")} can be called here`
        : `tools: ${missing.join(", ")} cannot be called here`;
    },
  };
}

function times(count: number): string {
  return count === 1 ? "once" : `${count} times`;
}
