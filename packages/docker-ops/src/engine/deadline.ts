import { isKitError } from "@container-kit/errors";
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
} as const;

/**
 * Runs an operation under the caller's signal and its own deadline, and says which of the two ended it.
 *
 * @throws CANCELLED when the caller aborted, ENGINE_TIMEOUT when the deadline passed, else whatever `run` threw
 */
export async function withDeadline<Result>(
  operation: keyof typeof DEADLINES,
  options: OperationOptions,
  run: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const deadlineMs = options.deadlineMs ?? DEADLINES[operation];
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
      throw fail("CANCELLED", `the ${operation} was cancelled`, { cause });
    }
    if (deadline.signal.aborted) {
      throw fail("ENGINE_TIMEOUT", `the ${operation} did not finish within ${deadlineMs} ms`, {
        cause,
        details: { deadlineMs },
      });
    }
    throw cause;
  } finally {
    clearTimeout(timer);
  }
}
