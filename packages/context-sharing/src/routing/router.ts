/**
 * Decides where a failure goes: one list of rules, in one order.
 *
 * - R1  Lower priority first; of equals, the one that was loaded first. The first rule that applies decides.
 * - R2  A decision depends on the failure and its chain alone, with a `random` on that as well, for pauses only.
 * - R3  Decisions that do more than give up are counted in the chain; past the budget none is made any more.
 * - R4  Where something was tried and nothing is left, that is said: silence would read as "try the same again".
 * - R5  Rules are found by tool and code; words are made only for who asks for an explanation.
 */
import { fail } from "../errors.ts";
import { ask, readFailure } from "./asked.ts";
import type { Asked } from "./asked.ts";
import { chainAfter, readChain, usesOf } from "./chain.ts";
import { nameProblems, parseRules, refuse } from "./check-rules.ts";
import { conditionsOf, namesOf, scopeOf } from "./conditions.ts";
import type { Condition } from "./conditions.ts";
import { defaultRoutingRules } from "./default-rules.ts";
import { mapArguments } from "./mapping.ts";
import { retryPauseMs } from "./retry-pause.ts";
import type {
  FailureChain,
  Router,
  RouterOptions,
  RouteStep,
  RoutingDecision,
  RoutingRule,
  RuleExplanation,
} from "./types.ts";
import { vocabularyOf } from "./vocabulary.ts";

const BUDGET = 8;

interface Entry {
  readonly rule: RoutingRule;
  /** Of the tool and the code. */
  readonly scope: readonly Condition[];
  readonly conditions: readonly Condition[];
}

/**
 * Makes a router; a list alone is its rules.
 *
 * @throws INVALID_INPUT with every problem of every rule, or for a budget that is none; TypeError for rules that are no list
 */
export function createRouter(given: RouterOptions | NonNullable<RouterOptions["rules"]> = {}): Router {
  const options: RouterOptions = isList(given) ? { rules: given } : given;
  const { rules = defaultRoutingRules, serves = () => true, budget = BUDGET, random } = options;
  if (!isList(rules)) throw new TypeError(`expected rules to be a list, got ${typeof rules}`);
  if (!Number.isInteger(budget) || budget < 1 || budget > 100)
    throw fail("INVALID_INPUT", `the routing budget is ${String(budget)}, and a whole number from 1 to 100 is asked`);
  const known = vocabularyOf(options.tools, options.codes);
  const { rules: parsed, problems } = parseRules(rules, null);
  refuse([...problems, ...nameProblems(parsed, known)]);
  // (R1) The sort is stable.
  const entries = [...parsed].sort((one, other) => one.priority - other.priority).map((rule) => toEntry(rule, serves));
  const byName = new Map(entries.map(({ rule }) => [rule.name, rule]));
  const find = createIndex(entries, known);

  const finish = (rule: RoutingRule | undefined, asked: Asked): RoutingDecision | null => {
    const { chain } = asked;
    if (rule === undefined) return chain.decisions === 0 ? null : nothingLeft(asked);
    if (rule.action !== "fail" && chain.decisions >= budget) return spent(asked);
    return decisionOf(rule, asked, random);
  };
  return {
    rules: entries.map(({ rule }) => rule),
    decide(failure, chain) {
      const asked = ask(failure, chain);
      return finish(find(asked).find((entry) => holds(entry.conditions, asked))?.rule, asked);
    },
    explain(failure, chain) {
      const asked = ask(failure, chain);
      const told = entries.map((entry) => explainEntry(entry, asked));
      const first = told.findIndex(({ applies }) => applies);
      const decision = finish(entries[first]?.rule, asked);
      const decides = decision !== null && decision.rule === entries[first]?.rule.name;
      const overruled =
        decides || decision === null ? [] : [`budget: ${asked.chain.decisions} of ${budget} decisions are made`];
      const rules = told.map((one, at) =>
        at === first ? { ...one, decides, because: [...one.because, ...overruled] } : one,
      );
      return { decision, rules };
    },
    after: (chain, failure, decision) => chainAfter(readChain(chain), readFailure(failure), decision),
    steps: ({ rule }) => stepsOf(byName.get(rule)),
    mentions: createMentions(entries),
  };
}

function toEntry(rule: RoutingRule, serves: (tool: string) => boolean): Entry {
  return { rule, scope: scopeOf(rule), conditions: conditionsOf(rule, serves) };
}

function holds(conditions: readonly Condition[], asked: Asked): boolean {
  for (const condition of conditions) if (!condition.holds(asked)) return false;
  return true;
}

/** (R5) Kept by known names only, so that no failure can make it grow. */
function createIndex(
  entries: readonly Entry[],
  known: { readonly tools: ReadonlySet<string>; readonly codes: ReadonlySet<string> },
): (asked: Asked) => readonly Entry[] {
  const found = new Map<string, readonly Entry[]>();
  return (asked) => {
    const { tool, error } = asked.failure;
    const key = `${known.tools.has(tool) ? tool : ""} ${known.codes.has(error.code) ? error.code : ""}`;
    let candidates = found.get(key);
    if (candidates === undefined) {
      candidates = entries.filter(({ scope }) => holds(scope, asked));
      found.set(key, candidates);
    }
    return candidates;
  };
}

function decisionOf(rule: RoutingRule, asked: Asked, random: (() => number) | undefined): RoutingDecision {
  const { name, action, reason } = rule;
  const { failure, uses, counted } = asked;
  if (rule.action === "route") {
    const { error, input, sessionId, labels = {} } = failure;
    const sources = { input, error, session: { id: sessionId, labels } };
    return { rule: name, action, toTool: rule.toTool, arguments: mapArguments(rule.arguments ?? {}, sources), reason };
  }
  if (rule.action !== "retry") return { rule: name, action, reason };
  const afterMs = retryPauseMs(rule.retry, Math.max(uses.get(name) ?? 0, counted), failure, random);
  return { rule: name, action, toTool: failure.tool, arguments: { ...failure.input }, reason, afterMs };
}

/** (R4) */
function nothingLeft({ failure, history, chain }: Asked): RoutingDecision {
  const { tool, error } = failure;
  const reason =
    history.attempts > 0
      ? `Nothing is left to try against ${error.code} of ${tool}, after ${listOf(history.rules)}: tell the user what failed and the error's remedy.`
      : `Nothing is known against ${error.code} of ${tool}, which came up while ${causesOf(chain)} was to be mended: tell the user what failed and the error's remedy.`;
  return { rule: "nothing-left", action: "fail", reason };
}

/** (R3) */
function spent({ failure, chain }: Asked): RoutingDecision {
  const tried = Object.values(chain.causes).flatMap(({ rules }) => rules);
  const reason = `${chain.decisions} decisions were made since ${failure.tool} or what it was to mend last succeeded, which is all that is allowed, by ${listOf(tried)}: tell the user what failed and the error's remedy.`;
  return { rule: "chain-budget", action: "fail", reason };
}

function listOf(rules: readonly string[]): string {
  return [...usesOf({ rules })].map(([name, uses]) => (uses === 1 ? name : `${name} (${uses} times)`)).join(", ");
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}

function causesOf({ causes }: FailureChain): string {
  return Object.entries(causes)
    .map(([cause, { rules }]) => `${cause} (${listOf(rules)})`)
    .join(", ");
}

function explainEntry({ rule, scope, conditions }: Entry, asked: Asked): RuleExplanation {
  const all = [...scope, ...conditions];
  return {
    rule: rule.name,
    priority: rule.priority,
    action: rule.action,
    decides: false,
    applies: holds(all, asked),
    because: all.length === 0 ? ["it applies to every failure"] : all.map((condition) => condition.tell(asked)),
  };
}

function stepsOf(rule: RoutingRule | undefined): readonly RouteStep[] {
  return rule?.action === "route" ? (rule.then ?? []) : [];
}

/** Rules that only give up make no chain. */
function createMentions(entries: readonly Entry[]): (tool: string) => boolean {
  const acting = entries.map(({ rule }) => rule).filter(({ action }) => action !== "fail");
  if (acting.some(({ fromTool }) => fromTool === undefined)) return () => true;
  const tools = new Set(
    acting.flatMap((rule) => [
      ...namesOf(rule.fromTool ?? []),
      ...(rule.action === "route" ? [rule.toTool] : []),
      ...stepsOf(rule).map(({ tool }) => tool),
    ]),
  );
  return (tool) => tools.has(tool);
}
