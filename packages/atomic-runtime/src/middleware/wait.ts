import type { Execution } from "../execution.ts";

/** Until TOOL_TIMEOUT, where a tool does not say otherwise. */
export const DEFAULT_DEADLINE_MS = 60_000;
/** How long a tool that was told to stop may wind up its effect before the caller is answered without it. */
export const GRACE_AFTER_STOP_MS = 5_000;

/**
 * Waits for something that is not the tool's own work, for as long as another execution of the tool may last, with the
 * grace that it has: then, and when this one is stopped, the wait is over.
 *
 * @throws the stop's error; what the promise rejects with
 */
export async function waitFor<Value>(execution: Execution, promise: Promise<Value>, what: string): Promise<Value> {
  const { stop, services, prepared, facts } = execution;
  const { alarms, clock } = services;
  const longestMs = (prepared.definition.deadlineMs ?? DEFAULT_DEADLINE_MS) + GRACE_AFTER_STOP_MS;
  const late = () => stop.now("TOOL_TIMEOUT", `${facts.tool} waited ${describeMs(longestMs)} for ${what}`);
  const alarm = alarms.set(clock() + longestMs, late);
  let onStop: (() => void) | undefined;
  try {
    return await new Promise<Value>((resolve, reject) => {
      onStop = () => reject(stop.reason?.error);
      stop.onStop(onStop);
      promise.then(resolve, reject);
    });
  } finally {
    alarms.clear(alarm);
    if (onStop !== undefined) stop.offStop(onStop);
  }
}

/** Lets a time pass, unless the execution is stopped before. @throws the stop's error */
export function pause({ services, stop }: Execution, ms: number): Promise<void> {
  const { alarms, clock } = services;
  return new Promise((resolve, reject) => {
    const alarm = alarms.set(clock() + ms, () => {
      stop.offStop(onStop);
      resolve();
    });
    const onStop = () => {
      alarms.clear(alarm);
      reject(stop.reason?.error);
    };
    stop.onStop(onStop);
  });
}

/** A duration as a sentence has it. */
export function describeMs(ms: number): string {
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${Math.round(ms / 100) / 10} s`;
}
