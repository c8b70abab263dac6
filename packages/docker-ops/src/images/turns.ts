/**
 * Lets calls that change one name in an engine run one after the other: an engine gives and moves a name in two steps
 * that others may come between, and what is read back would be another call's.
 *
 * - N1  Calls of one key run in the order in which they came; calls of other keys are not held up.
 * - N2  A call that waits leaves by its signal, with the signal's reason, and never runs; a failure holds nobody up.
 */
import { orAborted } from "./or-aborted.ts";

export interface Turns {
  /** Runs once the calls before it under this key have ended. */
  take<Result>(key: string, signal: AbortSignal, run: () => Promise<Result>): Promise<Result>;
}

export function createTurns(): Turns {
  const last = new Map<string, Promise<unknown>>();
  return {
    take: (key, signal, run) => {
      const before = last.get(key) ?? Promise.resolve();
      const result = orAborted(before, signal).then(run);
      // Whoever comes next also waits for those that this one did not wait for any longer.
      const ended = Promise.allSettled([before, result]).finally(() => {
        if (last.get(key) === ended) last.delete(key);
      });
      last.set(key, ended);
      return result;
    },
  };
}
