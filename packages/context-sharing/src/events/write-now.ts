import { isKitError } from "@container-kit/errors";
import type { SharedDatabase } from "@container-kit/storage";

/** Writes at once, or as soon as another process gives the lock up. @throws STORE_* */
export async function writeNowOrLater<Result>(shared: SharedDatabase, work: () => Result): Promise<Result> {
  try {
    return shared.writeNow(work);
  } catch (error) {
    if (!isKitError(error, "STORE_BUSY")) throw error;
  }
  return await shared.write(work);
}
