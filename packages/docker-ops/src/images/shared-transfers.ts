/**
 * Lets callers that want the same thing at the same time share one transfer.
 *
 * - S1  Each caller leaves by its own signal and gets that signal's reason; a caller whose progress callback throws
 *       leaves with what it threw. The others go on.
 * - S2  The transfer is aborted when its last caller has left, and nobody joins it from then on.
 * - S3  Whoever joins late gets the progress from then on, and the same end as everybody.
 */
import type { Progress } from "../types.ts";

export interface Caller {
  readonly signal: AbortSignal;
  /** When this caller gives up, by the clock of `performance.now`. */
  readonly until: number;
  readonly onProgress?: ((progress: Progress) => void) | undefined;
}

/** What a transfer is given to work with. */
export interface SharedRun {
  readonly signal: AbortSignal;
  readonly report: (progress: Progress) => void;
  /** When the most patient caller of the moment gives up. */
  readonly until: () => number;
}

export interface SharedTransfers<Result> {
  /** Joins the transfer under this key, or begins it. */
  join(key: string, caller: Caller, run: (shared: SharedRun) => Promise<Result>): Promise<Result>;
}

/** A caller and the way to make it leave. */
interface Seat {
  readonly caller: Caller;
  readonly leave: (reason: unknown) => void;
}

interface Transfer<Result> {
  readonly seats: Set<Seat>;
  readonly controller: AbortController;
  readonly result: Promise<Result>;
}

export function createSharedTransfers<Result>(): SharedTransfers<Result> {
  const running = new Map<string, Transfer<Result>>();

  const begin = (key: string, run: (shared: SharedRun) => Promise<Result>): Transfer<Result> => {
    const controller = new AbortController();
    const seats = new Set<Seat>();
    const shared: SharedRun = {
      signal: controller.signal,
      report: (progress) => {
        for (const { caller, leave } of seats) {
          try {
            caller.onProgress?.(progress);
          } catch (error) {
            leave(error);
          }
        }
      },
      until: () => Math.max(...[...seats].map(({ caller }) => caller.until)),
    };
    // Not before the caller that begins it has its seat.
    const result = Promise.resolve().then(() => run(shared));
    const transfer = { seats, controller, result };
    running.set(key, transfer);
    return transfer;
  };

  return {
    join: (key, caller, run) =>
      new Promise((resolve, reject) => {
        caller.signal.throwIfAborted();
        const transfer = running.get(key) ?? begin(key, run);
        const { seats, controller, result } = transfer;
        const forget = () => {
          if (running.get(key) === transfer) running.delete(key);
        };
        const onAbort = () => seat.leave(caller.signal.reason);
        const stand = () => {
          seats.delete(seat);
          caller.signal.removeEventListener("abort", onAbort);
        };
        const seat: Seat = {
          caller,
          leave: (reason) => {
            stand();
            reject(reason instanceof Error ? reason : new Error("the caller left", { cause: reason }));
            if (seats.size > 0) return;
            forget();
            controller.abort();
          },
        };
        seats.add(seat);
        caller.signal.addEventListener("abort", onAbort, { once: true });
        result.finally(() => (forget(), stand())).then(resolve, reject);
      }),
  };
}
