/**
 * A chain as an entry of its session: what was decided, which call is expected next, and what follows it.
 *
 * - E1  One entry for a tool and what it was about, so that two failures of the same thing meet.
 * - E2  Steps are kept as the rule has them, each with the failure that its references are about: what is known only when
 *       the step before has succeeded is looked up then, and no kept text is ever read as a reference.
 */
import { z } from "zod";
import type { ContextType } from "../entries/types.ts";
import type { FailureChain, Failure, RouteStep, Router, RoutingDecision } from "./types.ts";

const call = z.object({ tool: z.string(), subject: z.string() });
const record = z.record(z.string(), z.unknown());

const schema = z.object({
  origin: call,
  chain: z.object({
    decisions: z.int().min(0),
    causes: z.record(z.string(), z.object({ attempts: z.int().min(0), rules: z.array(z.string()) })),
  }),
  /** The call that the last decision or step proposed; null where none is expected any more. */
  expects: call.nullable(),
  steps: z.array(z.object({ tool: z.string(), arguments: record.optional(), reason: z.string(), of: z.int().min(0) })),
  /** The failures that steps are about, by their `of`. */
  failures: z.array(
    z.object({
      input: record,
      error: record,
      labels: z.record(z.string(), z.string()),
      withheld: z.array(z.string()),
    }),
  ),
});

/** What is kept of a chain. */
export type KeptChain = z.output<typeof schema>;

/** A call by which a chain is found. */
export type CallName = z.output<typeof call>;

/** The kind of entry that chains are. Tools are not told of it: its name begins with `failure_`. */
export const CHAIN_TYPE: ContextType = { name: "failure_chain", schema };

/** (E1) */
export function keyOf({ tool, subject }: CallName): string {
  return subject === "" ? tool : `${tool} ${subject}`;
}

/** Whether two calls are about the same. */
export function isCall(one: CallName | null, other: CallName): boolean {
  return one !== null && one.tool === other.tool && one.subject === other.subject;
}

/** A failure that was decided on. */
export interface Decided {
  readonly called: CallName;
  readonly failure: Failure;
  readonly withheld: readonly string[];
  readonly decision: RoutingDecision;
  /** The call that the decision proposes; null where it proposes none. */
  readonly proposed: CallName | null;
}

/** The chain after a decision; without a chain the first of a new one. */
export function keep(kept: KeptChain | undefined, router: Router, decided: Decided): KeptChain {
  const { called, failure, decision, proposed } = decided;
  const base = kept ?? { origin: called, chain: { decisions: 0, causes: {} }, expects: null, steps: [], failures: [] };
  const chain = copyOf(router.after(base.chain, failure, decision));
  if (decision.action === "ignore") return { ...base, chain };
  const isStep = isCall(base.expects, called) && !isCall(base.origin, called);
  // A repeated step goes on where it was; a repeated origin has nothing to follow it.
  if (decision.action === "retry" && isStep) return { ...base, chain };
  if (decision.action === "retry") return { ...base, chain, expects: null, steps: [], failures: [] };
  return { ...base, chain, expects: proposed, ...followUp(base, router.steps(decision), decided, isStep) };
}

/** A detour that ends with the step that failed leads on to what was to follow that step; any other takes its place. */
function followUp(
  base: KeptChain,
  steps: readonly RouteStep[],
  { called, failure, withheld }: Decided,
  isStep: boolean,
): Pick<KeptChain, "steps" | "failures"> {
  if (steps.length === 0) return { steps: [], failures: [] };
  const { input, error, labels = {} } = failure;
  const own = steps.map((step) => ({ ...step, of: 0 }));
  const outer = isStep && steps.at(-1)?.tool === called.tool ? base.steps : [];
  return {
    steps: [...own, ...outer.map((step) => ({ ...step, of: step.of + 1 }))],
    failures: [
      { input: { ...input }, error: { ...error }, labels: { ...labels }, withheld: [...withheld] },
      ...(outer.length === 0 ? [] : base.failures),
    ],
  };
}

type KeptCause = KeptChain["chain"]["causes"][string];

function copyOf({ decisions, causes }: FailureChain): KeptChain["chain"] {
  const copied = Object.entries(causes).map(([cause, { attempts, rules }]): [string, KeptCause] => [
    cause,
    { attempts, rules: [...rules] },
  ]);
  return { decisions, causes: Object.fromEntries(copied) };
}
