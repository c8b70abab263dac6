import { fail } from "../errors.ts";
import type { Services } from "../execution.ts";
import type { Alarm } from "../internal/alarms.ts";
import { describeMs } from "../middleware/wait.ts";

const REMEDY = "The store does not answer: see with container-kit doctor what is wrong with it, then call again.";

/**
 * Waits for a store so long and no longer: one that hangs holds no call.
 *
 * @throws TOOL_TIMEOUT, naming `what` was waited for; what the act throws
 */
export async function within<Value>(
  { alarms, clock }: Services,
  ms: number,
  act: () => Promise<Value>,
  what: string,
): Promise<Value> {
  let alarm: Alarm | undefined;
  try {
    return await new Promise<Value>((resolve, reject) => {
      alarm = alarms.set(clock() + ms, () =>
        reject(fail("TOOL_TIMEOUT", `${what} could not be had within ${describeMs(ms)}`, { remedy: REMEDY })),
      );
      act().then(resolve, reject);
    });
  } finally {
    alarms.clear(alarm);
  }
}
