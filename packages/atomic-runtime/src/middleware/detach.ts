import { setImmediate as turnOfTheLoop } from "node:timers/promises";
import type { Execution, Layer } from "../execution.ts";
import type { Alarm } from "../internal/alarms.ts";
import { namesOf } from "../log-names.ts";
import { underWay } from "../outcome.ts";
import { keepProgress } from "./progress.ts";

/** After a store that would not make it a job: when that is tried again. */
const AGAIN_MS = 5_000;

/**
 * Answers a call before it is done, with the job that its work is from then on.
 *
 * - J1  At once with `wait: false`; never with `wait: true`; without a word about it after 30 s, unless the door's caller
 *       waits anyway.
 * - J2  Once answered, the caller neither cancels the work nor hears of its progress: the job's owner does, and the job.
 * - J3  What the store will not make a job stays a call that is waited for.
 */
export const detach: Layer = async (execution, next) => {
  const { input, services } = execution;
  if (input.wait === false) {
    answerWithJob(execution);
    // The answer leaves before the work takes the thread.
    await turnOfTheLoop();
    return next();
  }
  const { alarms, clock, jobAfterMs } = services;
  let alarm: Alarm | undefined;
  const adopt = async (): Promise<void> => {
    if (!(await becomeJob(execution))) alarm = alarms.set(clock() + AGAIN_MS, onTime);
  };
  const onTime = () => {
    execution.adopting = adopt();
  };
  alarm = alarms.set(clock() + jobAfterMs, onTime);
  try {
    return await next();
  } finally {
    await execution.adopting;
    alarms.clear(alarm);
  }
};

/** J1. */
export function mayDetach({ call, input }: Execution): boolean {
  return input.wait === undefined ? call.mayDetach !== false : !input.wait;
}

/** J3. Never rejects. */
async function becomeJob(execution: Execution): Promise<boolean> {
  const { facts, services, stop } = execution;
  const { sessionId, tool, executionId } = facts;
  try {
    if (execution.lease === undefined) {
      own(execution, await services.sessions.adoptJob(executionId, { sessionId, tool }));
      keepProgress(execution);
    }
    if (stop.reason === undefined) answerWithJob(execution);
    return true;
  } catch (error) {
    services.logger.warn("a long call could not be made a job", { ...namesOf(facts), error });
    return false;
  }
}

/** Notes that this execution is a job of this process, which is to be kept alive and can be cancelled from elsewhere. */
export function own(execution: Execution, lease: NonNullable<Execution["lease"]>): void {
  execution.lease = lease;
  execution.facts.jobId = lease.jobId;
  execution.services.jobs.keep(lease, execution.stop);
}

/** J2. */
function answerWithJob(execution: Execution): void {
  execution.detached = true;
  execution.ticket.keep();
  execution.reporter?.mute();
  execution.answer(underWay(execution));
}
