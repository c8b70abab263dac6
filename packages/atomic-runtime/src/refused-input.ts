import { recordToolCall } from "@container-kit/observability";
import { publishEnd } from "./context/publish.ts";
import type { CallFacts, Services } from "./execution.ts";
import { namedSession } from "./input.ts";
import { endOf, failure, logOutcome } from "./outcome.ts";
import type { PreparedTool } from "./schema.ts";
import type { ToolCall, ToolFailure } from "./types.ts";

/** Answers a call that is not let in. Nothing of it is recorded. */
export function refuse(services: Services, facts: CallFacts, thrown: unknown): ToolFailure {
  const outcome = failure(facts, services, thrown);
  const { registry, telemetry, clock } = services;
  const tool = registry.find(facts.tool) === undefined ? "unknown" : facts.tool;
  recordToolCall(telemetry, { tool, code: outcome.error.code, durationMs: clock() - facts.startedAt });
  logOutcome(services, outcome);
  return outcome;
}

/** A call whose input is not valid. */
interface RefusedCall {
  readonly call: ToolCall;
  readonly facts: CallFacts;
  readonly prepared: PreparedTool;
}

/**
 * Answers a call whose input is not valid. It is recorded like any other call, in a session of its own where it names
 * none. The input itself is not kept: what has no known form cannot be redacted with certainty.
 */
export async function refuseInput(services: Services, refused: RefusedCall, thrown: unknown): Promise<ToolFailure> {
  const { call, facts, prepared } = refused;
  const { sessions, logger } = services;
  const named = namedSession(call.input);
  // What a session is demanded of has nothing to say about a new one.
  if (named === undefined && prepared.definition.session === "required") return refuse(services, facts, thrown);
  try {
    const session = named === undefined ? await sessions.openSession() : await sessions.touchSession(named);
    facts.sessionId = session.id;
    const { tool, sessionId, correlationId } = facts;
    const start = { sessionId, tool, correlationId, parent: call.parent, dryRun: false, input: null, job: false };
    facts.executionId = (await sessions.startExecution(start)).id;
    const outcome = refuse(services, facts, thrown);
    await sessions.endExecution(facts.executionId, endOf(outcome, false));
    const { executionId } = facts;
    await publishEnd(services, outcome, { executionId, parent: call.parent, dryRun: false, status: "failed" });
    return outcome;
  } catch (error) {
    logger.debug("bad input could not be recorded", { tool: facts.tool, error });
    return refuse(services, facts, thrown);
  }
}
