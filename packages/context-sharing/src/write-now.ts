import { isKitError } from "@container-kit/errors";
import type { SharedDatabase } from "@container-kit/storage";

/**
 * Writes at once where the lock is to be had, and else waits in the queue of those that want it. `work` only runs
 * statements, and may be repeated. @throws STORE_*
 */
export function writeNowOrLater<Result>(shared: SharedDatabase, work: () => Result): Result | Promise<Result> {
  try {
    return shared.writeNow(work);
  } catch (error) {
    if (!isKitError(error, "STORE_BUSY")) throw error;
    return shared.write(work);
  }
}
