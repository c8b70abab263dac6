import type { PolicyFacts } from "../types.ts";
import type { PolicyRules } from "./schema.ts";

/** What a rule may look at. */
export type PolicySide = Exclude<keyof PolicyFacts, "verb">;

/** Rules, and who wrote them: a refusal names both. */
export interface PolicySource {
  /** Where a person finds the rules, e.g. the path of a file. */
  readonly source: string;
  readonly rules: PolicyRules;
}

/** The rules that every act is judged by. */
export interface Policy {
  /** The names of the rules in force, for a person. */
  readonly rules: readonly string[];
  /** Whether a rule looks at one of these: facts that nobody looks at need not be gathered. */
  looksAt(...sides: readonly PolicySide[]): boolean;
  /**
   * Judges what a tool is about to do.
   *
   * @param facts undefined for a tool that has effects and does not say which: then every rule for it refuses
   * @throws POLICY_DENIED, naming the rule, the value and what would be allowed
   */
  check(tool: string, facts: PolicyFacts | undefined): void;
}
