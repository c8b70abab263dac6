import { fail } from "./errors.ts";

/** How one operation of a batch ended. */
export type BatchOutcome<Result> =
  | { readonly ok: true; readonly value: Result }
  | { readonly ok: false; readonly error: unknown };

/** How a batch is run. */
export interface BatchOptions {
  /** How many run at once; 5 by default. */
  readonly concurrency?: number;
  /** Cancels those that run, and those that have not begun. */
  readonly signal?: AbortSignal;
}

/**
 * Runs many operations, some at a time. One that fails stops no other; what came of each is told in the order given.
 *
 * @param operations each takes the batch's signal, as the operations of an {@link Engine} do
 * @throws TypeError where the concurrency is no whole number above zero
 */
export async function runBatch<Result>(
  operations: readonly ((signal: AbortSignal) => Promise<Result>)[],
  { concurrency = 5, signal = new AbortController().signal }: BatchOptions = {},
): Promise<readonly BatchOutcome<Result>[]> {
  if (!Number.isInteger(concurrency) || concurrency < 1)
    throw new TypeError(`expected a concurrency of at least 1, got ${concurrency}`);
  const outcomes: BatchOutcome<Result>[] = [];
  const waiting = operations.entries();
  const work = async (): Promise<void> => {
    for (const [index, operation] of waiting) outcomes[index] = await settle(operation, signal);
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, operations.length) }, work));
  return outcomes;
}

async function settle<Result>(
  operation: (signal: AbortSignal) => Promise<Result>,
  signal: AbortSignal,
): Promise<BatchOutcome<Result>> {
  if (signal.aborted) return { ok: false, error: fail("CANCELLED", "the batch was cancelled before this began") };
  try {
    return { ok: true, value: await operation(signal) };
  } catch (error) {
    return { ok: false, error };
  }
}
