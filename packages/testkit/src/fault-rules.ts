/** Rules that say at which request something goes wrong: shared by the engine proxy and the fault registry. */

/** At which request what happens. */
export interface Rule<Fault> {
  /** Tried on `METHOD /path?query`. */
  readonly match: RegExp;
  readonly fault: Fault;
  /** How many matching requests pass unharmed first; 0 by default. */
  readonly skip?: number;
  /** How often it fires at most; always by default. */
  readonly times?: number;
}

/** The rules in force and how often each fired. */
export class RuleBook<R extends Rule<unknown>> {
  readonly #matched = new Map<R, number>();
  readonly #fired = new Map<R, number>();
  #rules: readonly R[];

  constructor(rules: readonly R[] = []) {
    this.#rules = rules;
  }

  /** Puts other rules in place; counts of rules that stay go on. */
  setRules(rules: readonly R[]): void {
    this.#rules = rules;
  }

  /** How often a rule fired. */
  fired(rule: R): number {
    return this.#fired.get(rule) ?? 0;
  }

  /** The first rule that matches and is neither skipping nor used up; it counts as fired from now on. */
  take(method: string, path: string, applies: (rule: R) => boolean = () => true): R | undefined {
    for (const rule of this.#rules) {
      if (!rule.match.test(`${method} ${path}`) || !applies(rule)) continue;
      const matched = (this.#matched.get(rule) ?? 0) + 1;
      this.#matched.set(rule, matched);
      if (matched <= (rule.skip ?? 0) || this.fired(rule) >= (rule.times ?? Infinity)) continue;
      this.#fired.set(rule, this.fired(rule) + 1);
      return rule;
    }
    return undefined;
  }
}
