import type { KitError } from "@container-kit/errors";
import { fail } from "../errors.ts";
import type { Execution, Layer } from "../execution.ts";
import { namesOf } from "../log-names.ts";
import type { Alarm } from "../internal/alarms.ts";
import { deferred } from "../internal/deferred.ts";
import { failure } from "../outcome.ts";
import type { ToolOutcome } from "../types.ts";
import { DEFAULT_DEADLINE_MS, describeMs, GRACE_AFTER_STOP_MS } from "./wait.ts";

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
  const { alarms, clock } = services;
  stop.throwIfStopped();
  const { deadlineMs = DEFAULT_DEADLINE_MS } = prepared.definition;
  execution.deadlineAt = clock() + deadlineMs;

  const { promise: first, resolve: answer } = deferred<ToolOutcome | undefined>();
  let graceOver: Alarm | undefined;
  const grace = (ms: number) => {
    const at = clock() + ms;
    if (graceOver !== undefined && graceOver.at <= at) return;
    alarms.clear(graceOver);
    graceOver = alarms.set(at, () => answer(undefined));
  };
  const onStop = () => grace(GRACE_AFTER_STOP_MS);
  const overdue = alarms.set(execution.deadlineAt, () => {
    stop.now("TOOL_TIMEOUT", `${facts.tool} did not finish within ${describeMs(deadlineMs)}`);
    grace(GRACE_AFTER_DEADLINE_MS);
  });
  stop.onStop(onStop);
  const work = next();
  void work.then(answer);
  const outcome = await first;
  stop.offStop(onStop);
  alarms.clear(overdue);
  alarms.clear(graceOver);
  if (outcome !== undefined) return outcome;

  execution.abandoned = work.then((late) => logLate(execution, late));
  execution.thrown = notStopped(execution);
  return failure(facts, services, execution.thrown);
};

/** D2. The code says why it was to stop; the rest says that it did not. */
function notStopped({ stop, facts }: Execution): KitError {
  const { code = "TOOL_TIMEOUT", message = `${facts.tool} is late` } = stop.reason ?? {};
  return fail(code, `${message}; it was told to stop and has not stopped yet`, {
    remedy: "Its effect may still happen: check the state before you call again.",
    details: { stopped: false },
  });
}

function logLate({ services, facts }: Execution, late: ToolOutcome): void {
  services.logger.warn("a tool ended after its caller had been answered; what it brought is dropped", {
    ...namesOf(facts),
    ok: late.ok,
    ...(late.ok ? {} : { code: late.error.code }),
  });
}
