import type { KitError } from "@container-kit/errors";
import { fail } from "../errors.ts";
import type { Execution, Layer } from "../execution.ts";
import { deferred } from "../internal/deferred.ts";
import { failure } from "../outcome.ts";
import type { ToolOutcome } from "../types.ts";

/** Until TOOL_TIMEOUT, where a tool does not say otherwise. */
const DEFAULT_DEADLINE_MS = 60_000;
/** How long a tool that was told to stop may wind up its effect before the caller is answered without it. */
const GRACE_AFTER_STOP_MS = 5_000;
const GRACE_AFTER_DEADLINE_MS = 1_000;

/**
 * The end of the wait.
 *
 * - D1  The signal aborts at once on cancellation, on shutdown and at the deadline; the first reason stays.
 * - D2  The caller is answered at most one second after the deadline, and five seconds after the signal, whatever the
 *       tool does. What comes later is dropped and logged.
 * - D3  What really happened wins: a tool that returns within its grace is done, not cancelled.
 * - D4  An execution that was stopped before its tool began never begins it.
 */
export const deadline: Layer = async (execution, next) => {
  const { stop, prepared, facts, services } = execution;
  stop.signal.throwIfAborted();
  const { deadlineMs = DEFAULT_DEADLINE_MS } = prepared.definition;
  const timers: NodeJS.Timeout[] = [];
  const { promise: tooLate, resolve } = deferred<"tooLate">();
  const giveUp = () => resolve("tooLate");
  const onStop = () => timers.push(setTimeout(giveUp, GRACE_AFTER_STOP_MS));
  const onDeadline = () => {
    stop.now("TOOL_TIMEOUT", `${facts.tool} did not finish within ${describeMs(deadlineMs)}`);
    timers.push(setTimeout(giveUp, GRACE_AFTER_DEADLINE_MS));
  };
  stop.signal.addEventListener("abort", onStop, { once: true });
  timers.push(setTimeout(onDeadline, deadlineMs));

  const work = next();
  const first = await Promise.race([work, tooLate]);
  stop.signal.removeEventListener("abort", onStop);
  for (const timer of timers) clearTimeout(timer);
  if (first !== "tooLate") return first;

  execution.abandoned = work;
  void work.then((late) => logLate(execution, late));
  return failure(facts, services, notStopped(execution));
};

/** D2. The code says why it was to stop; the rest says that it did not. */
function notStopped({ stop, facts }: Execution): KitError {
  const { code, message } = stop.reason ?? { code: "TOOL_TIMEOUT", message: `${facts.tool} is late` };
  return fail(code, `${message}; it was told to stop and has not stopped yet`, {
    remedy: "Its effect may still happen: check the state before you call again.",
    details: { stopped: false },
  });
}

function logLate({ services, facts }: Execution, late: ToolOutcome): void {
  services.logger.warn("a tool ended after its caller had been answered; what it brought is dropped", {
    tool: facts.tool,
    executionId: facts.executionId,
    ok: late.ok,
    ...(late.ok ? {} : { code: late.error.code }),
  });
}

function describeMs(ms: number): string {
  return ms < 1_000 ? `${ms} ms` : `${Math.round(ms / 100) / 10} s`;
}
