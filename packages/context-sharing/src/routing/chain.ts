/**
 * What was decided about failures that belong together: the guard against loops.
 *
 * - H1  A cause is a tool and a code: what the message says may differ each time, and would never come round.
 * - H2  Only a decision that does more than give up is counted: giving up leads nowhere.
 */
import type { Failure, FailureChain, RoutingDecision } from "./types.ts";

/** A chain in which nothing was decided yet. */
export const NO_CHAIN: FailureChain = { decisions: 0, causes: {} };

/** (H1) */
export function causeOf({ tool, error }: { readonly tool: string; readonly error: { readonly code: string } }): string {
  return `${tool} ${error.code}`;
}

/** What was decided on a cause before. */
export interface CauseHistory {
  readonly attempts: number;
  readonly rules: readonly string[];
}

const NEVER: CauseHistory = { attempts: 0, rules: [] };

/** What was decided on a cause before; nothing where it is new. */
export function historyOf(chain: FailureChain, cause: string): CauseHistory {
  return (Object.hasOwn(chain.causes, cause) ? chain.causes[cause] : undefined) ?? NEVER;
}

/** How often was decided on other codes of the same tool. */
export function othersOf({ causes }: FailureChain, { tool, error }: Failure): readonly (readonly [string, number])[] {
  return Object.entries(causes)
    .filter(([cause]) => cause.startsWith(`${tool} `) && cause !== causeOf({ tool, error }))
    .map(([cause, { attempts }]) => [cause.slice(tool.length + 1), attempts]);
}

/** @throws TypeError for what `chainAfter` never made */
export function readChain(given: FailureChain | null | undefined): FailureChain {
  if (given === undefined || given === null) return NO_CHAIN;
  const { decisions, causes } = given as { readonly decisions?: unknown; readonly causes?: unknown };
  if (Number.isInteger(decisions) && typeof causes === "object" && causes !== null) return given;
  throw new TypeError("expected a chain as `after` gives it: {decisions, causes}");
}

/** (H2) The chain after a decision. */
export function chainAfter(chain: FailureChain, failure: Failure, { rule, action }: RoutingDecision): FailureChain {
  if (action === "fail") return chain;
  const cause = causeOf(failure);
  const { attempts, rules } = historyOf(chain, cause);
  return {
    decisions: chain.decisions + 1,
    causes: { ...chain.causes, [cause]: { attempts: attempts + 1, rules: [...rules, rule] } },
  };
}

/** How often each rule was used on a cause. */
export function usesOf({ rules }: Pick<CauseHistory, "rules">): ReadonlyMap<string, number> {
  const uses = new Map<string, number>();
  for (const name of rules) uses.set(name, (uses.get(name) ?? 0) + 1);
  return uses;
}
