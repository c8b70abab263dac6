/**
 * Judges acts by rules that are plain data.
 *
 * - Y1  Every rule of every source counts: another source can only narrow.
 * - Y2  What breaks while it is judged is refused, and so is what nobody knows (D1).
 * - Y3  A refusal names the rule, where it stands, the value, and what would pass.
 */
import { fail } from "../errors.ts";
import type { PolicyFacts } from "../types.ts";
import { demandsOf } from "./demands.ts";
import type { Demand, Refusal } from "./demands.ts";
import { compileGlob } from "./glob.ts";
import { policyRulesSchema } from "./schema.ts";
import type { PolicyRule, PolicyRules } from "./schema.ts";
import type { Policy, PolicySource } from "./types.ts";

/** Acts that change nothing outside of the record, which `readOnly` lets pass. */
const HARMLESS_VERBS: ReadonlySet<string> = new Set(["read", "login", "cancel"]);

const UNDECLARED: Refusal = { problem: "the tool does not say what it is about to do", value: null, allowed: [] };
const FORBIDDEN: Refusal = { problem: "it is not allowed at all", value: null, allowed: [] };

interface Rule {
  readonly name: string;
  readonly source: string;
  readonly reason: string | undefined;
  isFor(tool: string): boolean;
  judges(verb: string): boolean;
  readonly forbids: boolean;
  readonly demands: readonly Demand[];
}

/** Makes the judge of all rules of all sources. @throws INVALID_INPUT for rules that cannot be understood */
export function createPolicy(sources: readonly PolicySource[]): Policy {
  const rules = sources.flatMap(({ source, rules: given }) => rulesOf(source, readRules(source, given)));
  const sides = new Set(rules.flatMap(({ demands }) => demands.map(({ side }) => side)));
  return {
    rules: rules.map(({ name }) => name),
    looksAt: (...asked) => asked.some((side) => sides.has(side)),
    check: (tool, facts) => {
      for (const rule of rules) {
        const refusal = judge(rule, tool, facts);
        if (refusal !== undefined) throw denied(rule, facts, refusal);
      }
    },
  };
}

function readRules(source: string, given: unknown): PolicyRules {
  const parsed = policyRulesSchema.safeParse(given);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.map(({ path, message }) => ({ path: path.join("."), message }));
  const first = issues[0] ?? { path: "", message: "cannot be understood" };
  throw fail(
    "INVALID_INPUT",
    `the policy of ${source}: ${first.path === "" ? "" : `${first.path}: `}${first.message}`,
    {
      details: { source, issues },
    },
  );
}

/** The short forms are rules that are named like themselves. */
function rulesOf(source: string, { readOnly, rules = [], ...short }: PolicyRules): readonly Rule[] {
  const sugar = Object.entries(short)
    .filter(([, demand]) => demand !== undefined && demand !== false)
    .map(([name, demand]) => ruleOf(source, { name, [name]: demand }));
  const changes: Rule = {
    name: "readOnly",
    source,
    reason: undefined,
    forbids: true,
    demands: [],
    isFor: () => true,
    judges: (verb) => !HARMLESS_VERBS.has(verb),
  };
  return [...(readOnly === true ? [changes] : []), ...sugar, ...rules.map((rule) => ruleOf(source, rule))];
}

function ruleOf(source: string, rule: PolicyRule): Rule {
  const { name, verbs, tools, forbid = false, reason } = rule;
  const ofTools = tools?.map(compileGlob);
  return {
    name,
    source,
    reason,
    forbids: forbid,
    demands: demandsOf(rule),
    isFor: (tool) => ofTools === undefined || ofTools.some((test) => test(tool)),
    judges: (verb) => verbs === undefined || verbs.includes(verb),
  };
}

/** (Y2) Facts may come of a plugin, and so be anything. */
function judge(rule: Rule, tool: string, facts: PolicyFacts | undefined): Refusal | undefined {
  try {
    if (typeof facts?.verb !== "string") return rule.isFor(tool) ? UNDECLARED : undefined;
    if (!rule.isFor(tool) || !rule.judges(facts.verb)) return undefined;
    if (rule.forbids) return FORBIDDEN;
    for (const demand of rule.demands) {
      const refusal = demand.judge(facts);
      if (refusal !== undefined) return refusal;
    }
    return undefined;
  } catch {
    // Told as a refusal, which is the answer to whatever the facts did.
    return { problem: "what it is about to do cannot be read", value: null, allowed: [] };
  }
}

/** (Y3) */
function denied(
  { name, source, reason }: Rule,
  facts: PolicyFacts | undefined,
  { problem, value, allowed }: Refusal,
): Error {
  const verb = verbOf(facts);
  const because = reason === undefined ? "" : ` (${reason})`;
  const passes = allowed.length === 0 ? "" : `Allowed: ${allowed.slice(0, 20).join(", ")}. `;
  return fail("POLICY_DENIED", `the policy's rule ${name} refuses to ${String(verb)}: ${problem}${because}`, {
    details: { rule: name, source, verb, value, allowed: [...allowed] },
    remedy: `${passes}The rule stands in ${source}; only whoever may change it can allow this.`,
  });
}

function verbOf(facts: PolicyFacts | undefined): unknown {
  try {
    return facts?.verb ?? "act";
  } catch {
    // A getter of a plugin's that throws: the refusal is told all the same.
    return "act";
  }
}
