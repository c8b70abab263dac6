/**
 * Checks rules when they are loaded, so that none is there that could never apply or could not do what it says.
 *
 * - K1  Every problem of every rule is told at once, each with the rule's name and the path of what is wrong.
 * - K2  A name that nobody has is refused with the known name that is nearest.
 */
import type { z } from "zod";
import { fail } from "../errors.ts";
import { nearestName } from "./nearest.ts";
import { withName } from "./rule-name.ts";
import { routingRuleSchema } from "./rule-schema.ts";
import type { RoutingRule } from "./types.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** All that any rule has, at any depth. */
const MEMBERS =
  `name priority fromTool errorCodes categories when attempts atLeast atMost severity autoFix input labels retryable
  action toTool arguments then tool retry firstPauseMs longestPauseMs reason`.split(/\s+/);

/** One thing that is wrong with a rule. */
export interface RuleProblem {
  /** Who brought the rule: a file, a plugin; null where nobody said. */
  readonly source: string | null;
  /** Its name, or where it stands when it has none. */
  readonly rule: string;
  /** `rules[0].toTool`. */
  readonly path: string;
  readonly message: string;
}

interface Origin {
  /** Null where nobody said. */
  readonly source: string | null;
  readonly at: number;
}

/** Where a parsed rule is from, and where it stood there; kept beside the rule, which is plain data that others may print. */
const origins = new WeakMap<RoutingRule, Origin>();

/** Parses rules of one source. @param known names that a rule without one is not given */
export function parseRules(
  given: readonly unknown[],
  source: string | null,
  known: ReadonlySet<string> = new Set(),
): { readonly rules: readonly RoutingRule[]; readonly problems: readonly RuleProblem[] } {
  const rules: RoutingRule[] = [];
  const problems: RuleProblem[] = [];
  const taken = new Set([...known, ...given.map(givenName).filter((name) => name !== undefined)]);
  for (const [at, one] of given.entries()) {
    const parsed = routingRuleSchema.safeParse(withName(one, taken));
    const before = originOf(one);
    // In a list of several sources it is told where the rule stood in its own.
    const origin = source === null && before !== undefined && before.source !== null ? before : { source, at };
    if (parsed.success) {
      rules.push(parsed.data);
      taken.add(parsed.data.name);
      origins.set(parsed.data, origin);
    } else {
      for (const { path, message } of parsed.error.issues.flatMap(flatten))
        problems.push({ source: origin.source, rule: nameOf(one, at), path: pathOf(at, path), message });
    }
  }
  const names = new Map<string, number>();
  for (const { name } of rules) names.set(name, (names.get(name) ?? 0) + 1);
  for (const [name, count] of names)
    if (count > 1) problems.push({ source, rule: name, path: "rules", message: `${count} rules have this name` });
  return { rules, problems };
}

/** (K2) */
export function nameProblems(rules: readonly RoutingRule[], known: Vocabulary): readonly RuleProblem[] {
  return rules.flatMap((rule, place) => {
    const { source = null, at = place } = originOf(rule) ?? {};
    return namesOf(rule).flatMap(({ kind, name, path }) =>
      known[kind].has(name)
        ? []
        : [{ source, rule: rule.name, path: pathOf(at, path), message: unknown(kind, name, known) }],
    );
  });
}

/** (K1) @throws INVALID_INPUT unless there is nothing to tell */
export function refuse(problems: readonly RuleProblem[]): void {
  const [first] = problems;
  if (first === undefined) return;
  const shown = problems.slice(0, 3).map(describe);
  const more = problems.length > shown.length ? `; and ${problems.length - shown.length} more` : "";
  const issues = problems.map(({ source, rule, path, message }) => ({
    path,
    message,
    rule,
    ...(source === null ? {} : { source }),
  }));
  throw fail("INVALID_INPUT", `routing rules cannot be loaded: ${shown.join("; ")}${more}`, {
    details: { issues },
    remedy: "Correct the rules that details.issues names, or take them out.",
  });
}

function describe({ source, rule, path, message }: RuleProblem): string {
  return `rule ${rule}${source === null ? "" : ` of ${source}`}, ${path}: ${message}`;
}

function originOf(rule: unknown): Origin | undefined {
  return typeof rule === "object" && rule !== null ? origins.get(rule as RoutingRule) : undefined;
}

interface UsedName {
  readonly kind: keyof Vocabulary;
  readonly name: string;
  readonly path: readonly (string | number)[];
}

function namesOf(rule: RoutingRule): readonly UsedName[] {
  const { fromTool = [], errorCodes = [], categories = [] } = rule;
  const from =
    typeof fromTool === "string" ? [used("tools", fromTool, "fromTool")] : listed("tools", "fromTool", fromTool);
  const steps = rule.action === "route" ? (rule.then ?? []) : [];
  return [
    ...from,
    ...listed("codes", "errorCodes", errorCodes),
    ...listed("categories", "categories", categories),
    ...(rule.action === "route" ? [used("tools", rule.toTool, "toTool")] : []),
    ...steps.map(({ tool }, at) => used("tools", tool, "then", at, "tool")),
  ];
}

function used(kind: keyof Vocabulary, name: string, ...path: readonly (string | number)[]): UsedName {
  return { kind, name, path };
}

function listed(kind: keyof Vocabulary, member: string, names: readonly string[]): readonly UsedName[] {
  return names.map((name, at) => used(kind, name, member, at));
}

const KINDS = { tools: "tool", codes: "error code", categories: "category" } as const;

function unknown(kind: keyof Vocabulary, name: string, known: Vocabulary): string {
  const near = nearestName(name, known[kind]);
  return `there is no ${KINDS[kind]} ${name}${near === undefined ? "" : `; did you mean ${near}?`}`;
}

/** The innermost problems: that "no form of a union fits" helps nobody. */
function flatten(
  issue: z.core.$ZodIssue,
): readonly { readonly path: readonly PropertyKey[]; readonly message: string }[] {
  if (issue.code === "unrecognized_keys")
    return issue.keys.slice(0, 20).map((key) => ({ path: [...issue.path, key], message: strange(key) }));
  if (issue.code === "invalid_union" && issue.errors.length > 0) {
    const messages = issue.errors.flat().map(({ message }) => plain(message));
    return [{ path: issue.path, message: [...new Set(messages)].join(", or ") }];
  }
  return [{ path: issue.path, message: plain(issue.message) }];
}

/** (K2) */
function strange(member: string): string {
  if (MEMBERS.includes(member)) return "has no place here";
  const near = nearestName(member, MEMBERS);
  return `is no member of a rule${near === undefined ? "" : `; did you mean ${near}?`}`;
}

function plain(message: string): string {
  return message
    .replace(/^Invalid (?:input: |discriminator value\. E)/, (start) => (start.endsWith("E") ? "e" : ""))
    .replace(/^(expected .*), received undefined$/, "is missing: $1");
}

function givenName(rule: unknown): string | undefined {
  const name = typeof rule === "object" && rule !== null && "name" in rule ? rule.name : undefined;
  return typeof name === "string" ? name : undefined;
}

function nameOf(rule: unknown, at: number): string {
  const name = givenName(rule);
  return name !== undefined && /^[\w -]{1,64}$/.test(name) ? name : `number ${at + 1}`;
}

function pathOf(at: number, path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (text, part) => text + (typeof part === "number" ? `[${part}]` : `.${String(part).slice(0, 60)}`),
    `rules[${at}]`,
  );
}
