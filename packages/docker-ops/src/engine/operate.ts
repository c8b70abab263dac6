import { isKitError } from "@container-kit/errors";
import type { OperationOptions } from "../types.ts";
import { withDeadline } from "../wire/deadline.ts";
import type { DEADLINES } from "../wire/deadline.ts";
import type { CallFigures, MetricsRecorder, OperationName } from "./metrics.ts";
import type { EngineWatch } from "./watch.ts";

/** One call of an operation: as what it is counted, and under which default deadline. */
interface Operation<Result> {
  readonly operation: OperationName;
  readonly deadline: keyof typeof DEADLINES;
  readonly options: OperationOptions;
  /** What the result brought, for the counters. */
  readonly figures?: (result: Result) => CallFigures;
}

/** Runs a call: see {@link createOperate}. */
export type Operate = <Result>(
  operation: Operation<Result>,
  run: (signal: AbortSignal) => Promise<Result>,
) => Promise<Result>;

/**
 * Makes the way on which every call of an engine runs: counted, under the caller's signal and its deadline, after a look
 * whether the engine is still the same one.
 */
export function createOperate(metrics: MetricsRecorder, watch: EngineWatch): Operate {
  return ({ operation, deadline, options, figures }, run) =>
    metrics.measure(
      operation,
      () =>
        withDeadline(deadline, options, async (signal) => {
          try {
            await watch.check(signal);
            return await run(signal);
          } catch (error) {
            if (isKitError(error, "ENGINE_RESTARTED") || isKitError(error, "ENGINE_UNAVAILABLE")) watch.doubt();
            throw error;
          }
        }),
      figures,
    );
}
