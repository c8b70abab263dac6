/**
 * What has to hold for a rule to apply, each thing with its words: the decision and its explanation cannot differ.
 *
 * - C1  A rule that routes or ignores is used once on a cause in a chain; one that repeats, as often as its policy says.
 * - C2  A route of which a tool cannot be called here does not apply: it would break off half way.
 * - C3  Attempts are those on any code of the rule: a Dockerfile that was replaced because it did not parse, and does not
 *       build now, is not replaced by the same once more.
 */
import type { Asked } from "./asked.ts";
import { isAtLeast } from "./severity.ts";
import type { Failure, RoutingRule, RuleConditions } from "./types.ts";

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
  const { categories, errorCodes = [], when = {} } = rule;
  return [
    ...(categories === undefined ? [] : [oneOf("categories", categories, ({ error }) => error.category)]),
    ...whenOf(when, errorCodes),
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

function whenOf(
  { attempts, severity, autoFix, input, labels, retryable }: RuleConditions,
  codes: readonly string[],
): readonly Condition[] {
  return [
    ...(attempts === undefined ? [] : [attemptsCondition(attempts, codes)]),
    ...(severity === undefined ? [] : [severityCondition(severity.atLeast)]),
    ...(autoFix === undefined ? [] : [flag("autoFix", autoFix, (failure) => failure.autoFix)]),
    ...(retryable === undefined ? [] : [flag("retryable", retryable, ({ error }) => error.retryable)]),
    ...Object.entries(input ?? {}).map(([name, values]) => inputCondition(name, values)),
    ...Object.entries(labels ?? {}).map(([name, value]) => labelCondition(name, value)),
  ];
}

function attemptsCondition(
  { atLeast = 0, atMost = Infinity }: NonNullable<RuleConditions["attempts"]>,
  codes: readonly string[],
): Condition {
  const wanted = [
    ...(atLeast === 0 ? [] : [`at least ${atLeast}`]),
    ...(atMost === Infinity ? [] : [`at most ${atMost}`]),
  ];
  const what = codes.length > 1 ? "these codes were" : "this cause was";
  return {
    holds: (asked) => {
      const attempts = attemptsOf(asked, codes);
      return attempts >= atLeast && attempts <= atMost;
    },
    tell: (asked) =>
      `attempts: ${what} decided on ${times(attemptsOf(asked, codes))} before, ${wanted.join(" and ") || "any number"} is asked`,
  };
}

/** (C3) */
function attemptsOf({ history, others, counted }: Asked, codes: readonly string[]): number {
  let { attempts } = history;
  for (const [code, more] of others) if (codes.includes(code)) attempts += more;
  return Math.max(attempts, counted);
}

function severityCondition(atLeast: NonNullable<RuleConditions["severity"]>["atLeast"]): Condition {
  return {
    holds: ({ severity }) => isAtLeast(severity, atLeast),
    tell: ({ severity }) => `severity: ${severity}, at least ${atLeast} is asked`,
  };
}

function flag(name: string, wanted: boolean, read: (failure: Failure) => boolean): Condition {
  return {
    holds: ({ failure }) => read(failure) === wanted,
    tell: ({ failure }) => `${name}: ${String(read(failure))}, ${String(wanted)} is asked`,
  };
}

function inputCondition(name: string, wanted: readonly unknown[]): Condition {
  const read = ({ failure: { input } }: Asked): unknown => (Object.hasOwn(input, name) ? (input[name] ?? null) : null);
  return {
    holds: (asked) => wanted.includes(read(asked)),
    tell: (asked) => `input: ${name} is ${words(read(asked))}, ${wanted.map(words).join(" or ")} is asked`,
  };
}

function words(value: unknown): string {
  return value === null ? "not given" : (JSON.stringify(value) ?? "").slice(0, 80);
}

function labelCondition(name: string, wanted: string): Condition {
  return {
    // What is inherited is no text, so it equals no label's value.
    holds: ({ failure: { labels } }) => labels?.[name] === wanted,
    tell: ({ failure: { labels = {} } }) => {
      const value = Object.hasOwn(labels, name) ? labels[name] : undefined;
      return `labels: ${name} is ${value ?? "not set"}, ${wanted} is asked`;
    },
  };
}

/** (C1) */
function usageOf(rule: RoutingRule): readonly Condition[] {
  if (rule.action === "fail") return [];
  const isRetry = rule.action === "retry";
  const most = isRetry ? rule.retry.attempts : 1;
  const uses = ({ uses: known, counted }: Asked): number => Math.max(known.get(rule.name) ?? 0, isRetry ? counted : 0);
  return [
    {
      holds: (asked) => uses(asked) < most,
      tell: (asked) => `uses: ${uses(asked)} of ${most} on this cause`,
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
