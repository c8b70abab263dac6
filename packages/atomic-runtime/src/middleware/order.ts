import type { Execution, Layer } from "../execution.ts";
import { failure } from "../outcome.ts";
import type { ToolOutcome } from "../types.ts";
import { breaker, hasCircuit } from "./breaker.ts";
import { deadline } from "./deadline.ts";
import { detach, mayDetach } from "./detach.ts";
import { exchange, isExchanged } from "./exchange.ts";
import { hasKey, idempotency } from "./idempotency.ts";
import { job } from "./job.ts";
import { perform } from "./perform.ts";
import { isJudged, policy } from "./policy.ts";
import { progress } from "./progress.ts";
import { record } from "./record.ts";
import { isRepeated, retry } from "./retry.ts";
import { isHeard, tell } from "./tell.ts";
import { trace } from "./trace.ts";
import { mustWait, turn } from "./turn.ts";
import { isUndoable, undoing } from "./undoing.ts";

interface Step {
  readonly layer: Layer;
  /** Absent: every execution passes it. */
  readonly applies?: (execution: Execution) => boolean;
}

/**
 * What every admitted call passes, outermost first; a layer that has nothing to do for it is left out.
 *
 * - M1  The record begins before anything has an effect, and is ended before the caller is answered.
 * - M2  What the policies refuse is refused to the caller himself, before the call may become a job.
 * - M3  Progress surrounds all that may take long, so that one who waits is not left in silence.
 * - M4  A key is asked for after the record began, so that it can name an execution that exists; and when it is the
 *       call's turn, so that who holds a key always gets on. It is given up after what was made is undone.
 * - M5  The deadline is next to the tool and surrounds its repetitions: what a store or a waiting call takes is not the
 *       tool's fault. The circuit is around it, because a target that lets tools hang is ill.
 * - M6  What a call leaves in its session and where it leads is settled when its end is recorded, and is in its job's
 *       outcome; its job ends after its execution, so that a death in between leaves nothing that contradicts; and who
 *       listens is told when nothing of it is to be written any more.
 * - M7  What a layer throws is a failure outcome to the layer outside it, so that no layer can be skipped on the way out.
 */
const ORDER: readonly Step[] = [
  { layer: trace },
  { layer: tell, applies: isHeard },
  { layer: job },
  { layer: exchange, applies: isExchanged },
  { layer: record },
  { layer: policy, applies: isJudged },
  { layer: detach, applies: mayDetach },
  { layer: progress },
  { layer: turn, applies: mustWait },
  { layer: idempotency, applies: hasKey },
  { layer: undoing, applies: isUndoable },
  { layer: breaker, applies: hasCircuit },
  { layer: deadline },
  { layer: retry, applies: isRepeated },
  { layer: perform },
];

/** Sends an execution through the layers. Never rejects. */
export function runThroughLayers(execution: Execution): Promise<ToolOutcome> {
  return enter(execution, 0);
}

async function enter(execution: Execution, index: number): Promise<ToolOutcome> {
  try {
    let here = index;
    let step = ORDER[here];
    while (step?.applies?.(execution) === false) step = ORDER[++here];
    if (step === undefined) throw new TypeError("expected the last layer not to ask for another");
    return await step.layer(execution, () => enter(execution, here + 1));
  } catch (thrown) {
    execution.thrown = thrown;
    return failure(execution.facts, execution.services, thrown);
  }
}
