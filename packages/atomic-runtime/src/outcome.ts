import { isKitError, toErrorResult } from "@container-kit/errors";
import type { ErrorResult } from "@container-kit/errors";
import type { ExecutionEnd } from "@container-kit/session";
import type { CallFacts, Execution, Services } from "./execution.ts";
import { namesOf } from "./log-names.ts";
import { runtimeErrors } from "./errors.ts";
import { readPlain } from "./internal/plain.ts";
import type { NextStep, ToolFailure, ToolOutcome, ToolSuccess } from "./types.ts";

const LARGEST_DETAILS = 256 * 1024;
const LONGEST_MESSAGE = 4_000;
const LONGEST_CAUSE = 500;
const MOST_CAUSES = 5;
const LONGEST_LOG_TAIL = 16_000;
/** Text is masked before it is cut, so that no half of a secret stays; this much of it is enough for that. */
const MASKED_BEFORE_CUT = 4;

/** The outcome of a tool that returned; `result` and `next` are checked and redacted already. */
export function success(
  execution: Execution,
  result: Readonly<Record<string, unknown>>,
  next: readonly NextStep[],
): ToolSuccess {
  const { facts, services } = execution;
  return { ok: true, ...envelope(facts, services), dryRun: execution.input.dryRun, result, next };
}

/** The outcome of whatever was thrown. Never throws itself; what is our own fault is logged with its stack. */
export function failure(facts: CallFacts, services: Services, thrown: unknown): ToolFailure {
  return { ok: false, ...envelope(facts, services), error: readError(facts, services, thrown) };
}

/** The answer to a call whose work goes on as a job. It is asked for in the job's own session: each call without one opens another. */
export function underWay(execution: Execution): ToolSuccess {
  const { facts, services } = execution;
  const { jobId, sessionId } = facts;
  const next: readonly NextStep[] = services.registry.serves("get_job")
    ? [{ tool: "get_job", reason: "see how far it is, and its result", arguments: { jobId, sessionId } }]
    : [];
  return success(execution, { jobId, status: "running" }, next);
}

/** How an outcome is recorded: `cancelled` only where the effect was really stopped. */
export function endOf(outcome: ToolOutcome, abandoned: boolean): ExecutionEnd {
  if (outcome.ok) return { status: "completed", result: outcome.result };
  const stopped = outcome.error.code === "CANCELLED" || outcome.error.code === "INTERRUPTED";
  return { status: stopped && !abandoned ? "cancelled" : "failed", error: outcome.error };
}

/** The messages of what caused an error, the nearest first, fit to be recorded. */
export function causesOf(services: Services, thrown: unknown): readonly string[] {
  const causes: string[] = [];
  let cause = thrown;
  while (causes.length < MOST_CAUSES && cause instanceof Error && cause.cause !== undefined) {
    cause = cause.cause;
    causes.push(messageOf(services, cause));
  }
  return causes;
}

/** What was thrown, in one redacted text of bounded length. */
export function messageOf({ redactor }: Services, thrown: unknown): string {
  try {
    const text = thrown instanceof Error ? thrown.message || thrown.name : String(thrown);
    return redactor.text(text.slice(0, LONGEST_CAUSE * MASKED_BEFORE_CUT)).slice(0, LONGEST_CAUSE);
  } catch {
    // A getter or a proxy that throws while it is read.
    return "an error that cannot be read";
  }
}

/** Says in one log line how a call ended. */
export function logOutcome({ logger }: Services, outcome: ToolOutcome): void {
  const { tool, sessionId, executionId, correlationId, durationMs } = outcome;
  const fields = { tool, sessionId, executionId, correlationId, durationMs };
  if (outcome.ok) logger.info("tool call done", fields);
  else logger.info("tool call failed", { ...fields, code: outcome.error.code });
}

function envelope(facts: CallFacts, services: Services): Omit<ToolFailure, "ok" | "error"> {
  const { tool, sessionId, executionId, correlationId, jobId } = facts;
  const durationMs = Math.max(0, Math.round(services.clock() - facts.startedAt));
  const base = { tool, sessionId, executionId, correlationId, durationMs };
  return jobId === null ? base : { ...base, jobId };
}

function readError(facts: CallFacts, services: Services, thrown: unknown): ErrorResult {
  try {
    if (!isKitError(thrown) || thrown.fault === "us") logFault(facts, services, thrown);
    const { details, message, logTail, ...error } = toErrorResult(thrown);
    const kept = details === undefined ? undefined : (readPlain(details, LARGEST_DETAILS).value as typeof details);
    const { redactor } = services;
    const head = (text: string, length: number): string =>
      redactor.text(text.slice(0, length * MASKED_BEFORE_CUT)).slice(0, length);
    const tail = (text: string, length: number): string =>
      redactor.text(text.slice(-length * MASKED_BEFORE_CUT)).slice(-length);
    return redactor.value({
      ...error,
      message: head(message, LONGEST_MESSAGE),
      ...(kept === undefined ? {} : { details: kept }),
      ...(logTail === undefined ? {} : { logTail: tail(logTail, LONGEST_LOG_TAIL) }),
    });
  } catch {
    const { category, retryable, remedy } = runtimeErrors.INTERNAL;
    return { code: "INTERNAL", category, message: "an error was thrown that cannot be read", retryable, remedy };
  }
}

function logFault(facts: CallFacts, { logger }: Services, thrown: unknown): void {
  logger.error("tool call broke", { ...namesOf(facts), error: thrown });
}
