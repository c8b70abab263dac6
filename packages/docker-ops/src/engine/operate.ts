import { isKitError } from "@container-kit/errors";
import type { OperationOptions } from "../types.ts";
import { readLimit, withDeadline } from "../wire/deadline.ts";
import type { DEADLINES } from "../wire/deadline.ts";
import type { CallFigures, MetricsRecorder, OperationName } from "./metrics.ts";
import type { EngineWatch } from "./watch.ts";

/** One call of an operation: as what it is counted, and under which default deadline. */
interface Operation<Options extends OperationOptions, Result> {
  readonly operation: OperationName;
  readonly deadline: keyof typeof DEADLINES;
  readonly options: Options;
  /** What the result brought, for the counters. */
  readonly figures?: (result: Result) => CallFigures;
}

/** Options with a signal that is aborted by the caller, and when the deadline passes: what runs needs no timer of its own. */
export type Bounded<Options extends OperationOptions> = Options & { readonly signal: AbortSignal };

/** Runs a call: see {@link createOperate}. */
export type Operate = <Options extends OperationOptions, Result>(
  operation: Operation<Options, Result>,
  run: (options: Bounded<Options>) => Promise<Result>,
) => Promise<Result>;

/**
 * Makes the way on which every call of an engine runs: counted, under the caller's signal and its deadline, after a look
 * whether the engine is still the same one. What runs gets the options with that signal, and with limits that are some.
 */
export function createOperate(metrics: MetricsRecorder, watch: EngineWatch): Operate {
  return ({ operation, deadline, options, figures }, run) =>
    metrics.measure(
      operation,
      () =>
        withDeadline(
          deadline,
          options,
          async (signal) => {
            try {
              await watch.check(signal);
              return await run({ ...options, ...limitsOf(options), signal });
            } catch (error) {
              if (isKitError(error, "ENGINE_RESTARTED") || isKitError(error, "ENGINE_UNAVAILABLE")) watch.doubt();
              throw error;
            }
          },
          operation,
        ),
      figures,
    );
}

function limitsOf(options: OperationOptions): Pick<OperationOptions, "deadlineMs" | "inactivityMs"> {
  const deadlineMs = readLimit(options.deadlineMs, "deadlineMs");
  const inactivityMs = readLimit(options.inactivityMs, "inactivityMs");
  return {
    ...(deadlineMs === undefined ? {} : { deadlineMs }),
    ...(inactivityMs === undefined ? {} : { inactivityMs }),
  };
}
