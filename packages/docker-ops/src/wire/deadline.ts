import { isKitError } from "@container-kit/errors";
import type { KitError } from "@container-kit/errors";
import { fail } from "../errors.ts";
import type { OperationOptions } from "../types.ts";

/** The longest silence of a stream that is still taken for work, in milliseconds. */
export const INACTIVITY_MS = 120_000;

/** Milliseconds that each operation may take unless the caller says otherwise. */
export const DEADLINES = {
  pull: 10 * 60_000,
  push: 15 * 60_000,
  tag: 2 * 60_000,
  build: 30 * 60_000,
  inspect: 60_000,
  archive: 15 * 60_000,
  probe: 60_000,
  login: 30_000,
} as const;

/** Milliseconds that an operation may go on after its deadline to take back what it made. */
const CLEARING_UP_MS = 750;
/** The longest that clearing up takes, where the deadline is far. */
const LONGEST_CLEARING_UP_MS = 3000;

/**
 * The signal for clearing up after an operation, whose own signal may be aborted already: it leaves time until shortly
 * after the deadline. What counts is that the engine is told; it goes on with a removal although nobody waits for it.
 *
 * @param until when the deadline is, by the clock of `performance.now`
 */
export function clearingUp(until: number): AbortSignal {
  const left = Math.ceil(until - performance.now());
  return AbortSignal.timeout(Math.min(Math.max(left, 0) + CLEARING_UP_MS, LONGEST_CLEARING_UP_MS));
}

/** The longest time that a timer of node's knows: over three weeks, which stands for no limit. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** A limit as a caller gave it, in milliseconds. @throws INVALID_INPUT */
export function readLimit(value: number | undefined, name: string): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value === "number" && value > 0) return Math.min(value, LONGEST_TIMER_MS);
  throw fail("INVALID_INPUT", `${name} is ${String(value)}, and it takes a number of milliseconds above zero`, {
    details: { issues: [{ path: name, message: "is no number above zero" }] },
  });
}

/**
 * Runs an operation under the caller's signal and its own deadline, and says which of the two ended it.
 *
 * @param name what it is called in a message, where that is not the name of its deadline
 * @throws CANCELLED when the caller aborted, ENGINE_TIMEOUT when the deadline passed, REGISTRY_UNAVAILABLE when it passed
 * while a registry was to answer, INVALID_INPUT for a limit that is
 * none, else whatever `run` threw
 */
export async function withDeadline<Result>(
  operation: keyof typeof DEADLINES,
  options: OperationOptions,
  run: (signal: AbortSignal) => Promise<Result>,
  name: string = operation,
): Promise<Result> {
  const deadlineMs = readLimit(options.deadlineMs, "deadlineMs") ?? DEADLINES[operation];
  readLimit(options.inactivityMs, "inactivityMs");
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(), deadlineMs);
  const signals = options.signal === undefined ? [deadline.signal] : [options.signal, deadline.signal];
  const signal = AbortSignal.any(signals);
  try {
    signal.throwIfAborted();
    return await run(signal);
  } catch (cause) {
    if (options.signal?.aborted === true) {
      if (isKitError(cause, "CANCELLED")) throw cause;
      throw fail("CANCELLED", `the ${name} was cancelled`, { cause });
    }
    if (deadline.signal.aborted) {
      // What waits for a helper or a registry takes our deadline for a cancellation, or has found its own words for it.
      const own = isKitError(cause, "CANCELLED") ? cause.cause : cause;
      if (isKitError(own, "REGISTRY_UNAVAILABLE")) throw lateRegistry(own, name, deadlineMs);
      throw fail("ENGINE_TIMEOUT", `the ${name} did not finish within ${deadlineMs} ms`, {
        cause,
        details: { deadlineMs },
      });
    }
    throw cause;
  } finally {
    clearTimeout(timer);
  }
}

/** The deadline passed, and it was the registry that had not answered. */
function lateRegistry(cause: KitError, name: string, deadlineMs: number): Error {
  if (cause.details?.["deadlineMs"] === deadlineMs) return cause;
  return fail("REGISTRY_UNAVAILABLE", `the ${name} did not finish within ${deadlineMs} ms: ${cause.message}`, {
    cause,
    details: { ...cause.details, deadlineMs },
    ...(cause.stage === undefined ? {} : { stage: cause.stage }),
  });
}
