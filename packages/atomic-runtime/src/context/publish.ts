import type { Services } from "../execution.ts";
import type { ToolOutcome } from "../types.ts";
import { within } from "./within.ts";

/** What an event says of a call beside its outcome. */
export interface EndedCall {
  /** The execution that the call is; a replayed outcome names another. */
  readonly executionId: string;
  readonly parent: string | undefined;
  readonly dryRun: boolean;
  readonly status: "completed" | "failed" | "cancelled";
}

/** An event has its limit, and the names of entries may be long: the outcome has them all. */
const MOST_NAMED = 8;
const LONGEST_WAIT_MS = 2_000;

/**
 * Tells whoever listens how an execution ended. Never rejects: the call is over.
 *
 * That it ended is in the record. What it took and left is told here alone, so that this has to be kept before the answer.
 */
export async function publishEnd(services: Services, outcome: ToolOutcome, call: EndedCall): Promise<void> {
  const { events, logger } = services;
  if (events === undefined) return;
  const { tool, sessionId, correlationId, durationMs, jobId, context } = outcome;
  const { executionId, parent, dryRun, status } = call;
  const data: Record<string, unknown> = { tool, durationMs, dryRun };
  if (parent !== undefined) data["parent"] = parent;
  if (jobId !== undefined) data["jobId"] = jobId;
  if (outcome.executionId !== executionId) data["replayOf"] = outcome.executionId;
  if (!outcome.ok) data["code"] = outcome.error.code;
  if (context?.used !== undefined) data["used"] = context.used.slice(0, MOST_NAMED);
  if (context?.produced !== undefined) data["produced"] = context.produced.slice(0, MOST_NAMED);
  const event = { type: `tool.${status}`, sessionId, correlationId, executionId, data };
  try {
    if (context?.used === undefined && context?.produced === undefined) events.publishSoon(event);
    else
      await within(services, LONGEST_WAIT_MS, () => events.publish(event), "the place for what a call took and left");
  } catch (error) {
    logger.warn("how a call ended could not be told", { tool, executionId, error });
  }
}
