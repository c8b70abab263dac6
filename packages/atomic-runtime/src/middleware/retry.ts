import { ExponentialBackoff } from "cockatiel";
import type { Execution, Layer } from "../execution.ts";
import { namesOf } from "../log-names.ts";
import type { RetryPolicy, ToolFailure } from "../types.ts";
import { undoRun, withReport } from "./undoing.ts";
import { describeMs, pause } from "./wait.ts";

const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 5_000;

/**
 * Runs a tool again where that may help.
 *
 * - T1  Only after a failure that the error table calls retryable, never after a stop, and only while the next run would
 *       begin before the deadline.
 * - T2  The pauses grow and are spread at random, so that many callers do not come back together. Where the failure
 *       says when to come back, that is heeded.
 * - T3  What the failed run made is undone first: a later success forgets all notes. Where that fails there is no other run.
 */
export const retry: Layer = async (execution, next) => {
  const policy: RetryPolicy = execution.prepared.definition.retry ?? { attempts: 1 };
  const { firstPauseMs = FIRST_PAUSE_MS, longestPauseMs = LONGEST_PAUSE_MS } = policy;
  let backoff = new ExponentialBackoff({ initialDelay: firstPauseMs, maxDelay: longestPauseMs }).next();
  for (;;) {
    const outcome = await next();
    if (outcome.ok || execution.attempt >= policy.attempts || !mayHelp(execution, outcome)) return outcome;
    const pauseMs = Math.max(backoff.duration, askedPause(outcome));
    const { clock, logger } = execution.services;
    if (clock() + pauseMs >= execution.deadlineAt) return outcome;
    const undone = await undoRun(execution);
    if (undone?.undone === false) return withReport(outcome, undone);
    const { code, message } = outcome.error;
    logger.info("a tool is run again", { ...namesOf(execution.facts), code, attempt: execution.attempt, pauseMs });
    execution.report({ message: `${code}: ${message}; again in ${describeMs(pauseMs)}` });
    await pause(execution, pauseMs);
    execution.attempt += 1;
    backoff = backoff.next(undefined);
  }
};

/** T1. */
function mayHelp({ stop }: Execution, { error }: ToolFailure): boolean {
  return error.retryable && stop.reason === undefined;
}

/** T2. */
function askedPause({ error }: ToolFailure): number {
  const asked = error.details?.["retryAfterMs"];
  return typeof asked === "number" && asked > 0 ? asked : 0;
}

/** Only for tools that want it. */
export function isRepeated({ prepared }: Execution): boolean {
  return prepared.definition.retry !== undefined;
}
