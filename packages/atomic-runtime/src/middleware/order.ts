import type { Execution, Layer } from "../execution.ts";
import { failure } from "../outcome.ts";
import type { ToolOutcome } from "../types.ts";
import { deadline } from "./deadline.ts";
import { idempotency } from "./idempotency.ts";
import { perform } from "./perform.ts";
import { progress } from "./progress.ts";
import { record } from "./record.ts";
import { trace } from "./trace.ts";

/**
 * What every admitted call passes, outermost first.
 *
 * - M1  The record begins before anything has an effect, and is ended before the caller is answered.
 * - M2  A key is asked for after the record began, so that it can name an execution that exists.
 * - M3  Progress surrounds the key, so that one who waits for another's effect is not left in silence.
 * - M4  The deadline is next to the tool: what a store or a waiting call takes is not the tool's fault.
 * - M5  What a layer throws is a failure outcome to the layer outside it, so that no layer can be skipped on the way out.
 */
const layers: readonly Layer[] = [trace, record, progress, idempotency, deadline, perform];

/** Sends an execution through the layers. Never rejects. */
export function runThroughLayers(execution: Execution): Promise<ToolOutcome> {
  const enter = async (index: number): Promise<ToolOutcome> => {
    try {
      const layer = layers[index];
      if (layer === undefined) throw new TypeError("expected the last layer not to ask for another");
      return await layer(execution, () => enter(index + 1));
    } catch (thrown) {
      return failure(execution.facts, execution.services, thrown);
    }
  };
  return enter(0);
}
