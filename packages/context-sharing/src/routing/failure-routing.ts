/**
 * Routes the failures of sessions: decides, remembers each chain in the session's context, and tells what was decided.
 *
 * - F1  A decision that leads anywhere is remembered, and each is told, before it is given. One that cannot be is not given:
 *       the guard against loops would be blind. The caller is told why by the error, and the failure goes without `routing`.
 * - F2  Two failures at once both count: the chain is written by its version, and decided on again where another was first.
 * - F3  A failure belongs to the chain that began with this tool on this subject; else to the newest that expects this
 *       call; else it begins one.
 * - F4  Only a success of what began it ends a chain, also as the last step of its route, whose subject may have become
 *       another; and time does (an hour after its last decision).
 * - F5  What is proposed is complete but for what may not be repeated, which its reason names.
 * - F6  Where nothing is to be decided nothing is written; a decision to give up is told and changes no chain.
 */
import { isKitError } from "@container-kit/errors";
import { createRedactor } from "@container-kit/observability";
import type { Redactor } from "@container-kit/observability";
import type { ContextStore } from "../entries/types.ts";
import type { EventBus } from "../events/types.ts";
import { causeOf, historyOf, NO_CHAIN } from "./chain.ts";
import { isCall, keep, keyOf } from "./chain-entry.ts";
import type { CallName, KeptChain } from "./chain-entry.ts";
import { createChainStore } from "./chain-store.ts";
import type { ChainStore, FoundChain } from "./chain-store.ts";
import { knownCall, withReminder } from "./known-call.ts";
import type { KnownCall } from "./known-call.ts";
import { inputsOf, mapArguments } from "./mapping.ts";
import { subjectOf } from "./subject.ts";
import type { FailedCall, FailureRouting, ProposedCall, Router, RoutingDecision, SucceededCall } from "./types.ts";

/** What {@link createFailureRouting} is made of. */
export interface FailureRoutingOptions {
  readonly router: Router;
  /** Where chains are kept; the type of their entries is registered on it. */
  readonly context: ContextStore;
  /** Told `routing.decided`, before the decision is given. Default: nobody is. */
  readonly events?: Pick<EventBus, "publish">;
  /** Finds the arguments that may not be kept. Default: one that knows what looks like a credential. */
  readonly redactor?: Pick<Redactor, "value">;
}

/** How often a chain is decided on again because another was first; each time that other has made one of few decisions. */
const MOST_TRIES = 50;

/** Makes the failure routing of a program. */
export function createFailureRouting(options: FailureRoutingOptions): FailureRouting {
  const { router, context, events, redactor = createRedactor() } = options;
  const parts: Parts = { router, chains: createChainStore(context), events, redactor };
  return {
    router,
    failed: (call) => again(() => decide(parts, call)),
    succeeded: async (call) => (router.mentions(call.tool) ? again(() => advance(parts, call)) : null),
    async explain(call) {
      const known = knownCall(call, redactor);
      const found = await findChain(parts, call.sessionId, nameOf(parts, call));
      const { decision, rules } = router.explain(known.failure, found?.kept.chain);
      return { decision: decision === null ? null : complete(parts, decision, call.sessionId, known), rules };
    },
  };
}

interface Parts {
  readonly router: Router;
  readonly chains: ChainStore;
  readonly events: FailureRoutingOptions["events"];
  readonly redactor: Pick<Redactor, "value">;
}

/** (F2) @throws CONFLICT where nobody else can have been first any more */
async function again<Result>(work: () => Promise<Result>): Promise<Result> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await work();
    } catch (error) {
      // Another failure or success of the chain was first: it is read and decided on again.
      if (!isKitError(error, "CONFLICT") || tries >= MOST_TRIES) throw error;
    }
  }
}

async function decide(parts: Parts, call: FailedCall): Promise<RoutingDecision | null> {
  const { router, redactor } = parts;
  const { sessionId } = call;
  const called = nameOf(parts, call);
  const known = knownCall(call, redactor);
  const { failure, withheld } = known;
  const found = await findChain(parts, sessionId, called);
  const decision = router.decide(failure, found?.kept.chain);
  if (decision === null) return null;
  const told = complete(parts, decision, sessionId, known);
  const origin = found?.kept.origin ?? called;
  if (decision.action !== "fail") {
    const { toTool, arguments: given = {} } = told;
    const proposed = toTool === undefined ? null : { tool: toTool, subject: subjectOf(given, redactor) };
    const kept = keep(found?.kept, router, { called, failure, withheld, decision, proposed });
    // (F1)
    await parts.chains.remember(call, { kept, version: found?.version ?? 0, afterMs: decision.afterMs ?? 0 });
  }
  const { attempts } = historyOf(found?.kept.chain ?? NO_CHAIN, causeOf(failure));
  await tell(parts, call, { decision: told, chain: keyOf(origin), attempt: attempts + 1 });
  return told;
}

/** (F4) */
async function advance({ chains, redactor }: Parts, call: SucceededCall): Promise<ProposedCall | null> {
  const open = await chains.open(call.sessionId);
  if (open.length === 0) return null;
  const called = { tool: call.tool, subject: subjectOf(call.input, redactor) };
  const own = open.find(({ kept }) => isCall(kept.origin, called));
  if (own !== undefined) await chains.end(call.sessionId, own);
  const found = open.find((one) => one !== own && isCall(one.kept.expects, called));
  if (found === undefined) return null;
  const { kept, version } = found;
  const [step, ...steps] = kept.steps;
  if (step === undefined && call.tool === kept.origin.tool) {
    await chains.end(call.sessionId, found);
    return null;
  }
  const proposal = step === undefined ? null : propose(kept, step, call);
  const expects = proposal === null ? null : { tool: proposal.tool, subject: subjectOf(proposal.arguments, redactor) };
  await chains.remember(call, { kept: { ...kept, expects, steps }, version, afterMs: 0 });
  return proposal;
}

/** (F5) */
function propose({ failures }: KeptChain, step: KeptChain["steps"][number], call: SucceededCall): ProposedCall {
  const { tool, reason, arguments: mapping = {} } = step;
  const about = failures[step.of] ?? { input: {}, error: {}, labels: {}, withheld: [] };
  const { input, error, labels, withheld } = about;
  const session = { id: call.sessionId, labels };
  return {
    tool,
    reason: remind(reason, withheld, inputsOf(mapping)),
    arguments: { ...mapArguments(mapping, { input, error, session, result: call.result }), sessionId: call.sessionId },
  };
}

/** (F5) */
function complete({ router }: Parts, decision: RoutingDecision, sessionId: string, known: KnownCall): RoutingDecision {
  const { toTool, arguments: given, reason } = decision;
  if (toTool === undefined) return decision;
  const rule = router.rules.find(({ name }) => name === decision.rule);
  // A repetition hands on everything, a route what its mapping uses.
  const used = rule?.action === "route" ? inputsOf(rule.arguments ?? {}) : null;
  return { ...decision, arguments: { ...given, sessionId }, reason: remind(reason, known.withheld, used) };
}

function remind(reason: string, withheld: readonly string[], used: ReadonlySet<string> | null): string {
  return withReminder(
    reason,
    withheld.filter((name) => used === null || used.has(name)),
  );
}

/** (F3) */
async function findChain({ chains }: Parts, sessionId: string, called: CallName): Promise<FoundChain | undefined> {
  const own = await chains.find(sessionId, called);
  if (own !== undefined) return own;
  return (await chains.open(sessionId)).find(({ kept }) => isCall(kept.expects, called));
}

interface Told {
  readonly decision: RoutingDecision;
  readonly chain: string;
  readonly attempt: number;
}

async function tell({ events }: Parts, call: FailedCall, { decision, chain, attempt }: Told): Promise<void> {
  const { rule, action, toTool, reason } = decision;
  const { sessionId, correlationId, executionId, tool, error } = call;
  const cause = `${tool} ${error.code}`;
  await events?.publish({
    type: "routing.decided",
    sessionId,
    correlationId,
    executionId,
    data: { rule, action, ...(toTool === undefined ? {} : { toTool }), reason, cause, chain, attempt },
  });
}

function nameOf({ redactor }: Parts, { tool, input }: FailedCall): CallName {
  return { tool, subject: subjectOf(input, redactor) };
}
