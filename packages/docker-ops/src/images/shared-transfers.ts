/**
 * Lets callers that want the same thing at the same time share one transfer.
 *
 * - S1  Each caller leaves by its own signal, and gets that signal's reason.
 * - S2  The transfer is aborted when its last caller has left, and nobody joins it from then on.
 * - S3  Whoever joins late gets the progress from then on, and the same end as everybody.
 */
import type { Progress } from "../types.ts";

export interface Caller {
  readonly signal: AbortSignal;
  /** When this caller gives up, by the clock of `performance.now`. */
  readonly until: number;
  readonly onProgress?: (progress: Progress) => void;
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

interface Transfer<Result> {
  readonly callers: Set<Caller>;
  readonly abort: () => void;
  readonly result: Promise<Result>;
}

export function createSharedTransfers<Result>(): SharedTransfers<Result> {
  const running = new Map<string, Transfer<Result>>();

  const begin = (key: string, run: (shared: SharedRun) => Promise<Result>): Transfer<Result> => {
    const controller = new AbortController();
    const callers = new Set<Caller>();
    const result = run({
      signal: controller.signal,
      report: (progress) => {
        for (const { onProgress } of callers) onProgress?.(progress);
      },
      until: () => Math.max(...[...callers].map(({ until }) => until)),
    }).finally(() => forget());
    const transfer = { callers, result, abort: () => (forget(), controller.abort()) };
    const forget = () => {
      if (running.get(key) === transfer) running.delete(key);
    };
    running.set(key, transfer);
    return transfer;
  };

  return {
    join: async (key, caller, run) => {
      caller.signal.throwIfAborted();
      const transfer = running.get(key) ?? begin(key, run);
      const { callers, result, abort } = transfer;
      callers.add(caller);
      const left = new Promise<never>((_resolve, reject) => {
        caller.signal.addEventListener("abort", () => reject(caller.signal.reason as Error), {
          once: true,
          signal: ended.signal,
        });
      });
    },
  };
}
