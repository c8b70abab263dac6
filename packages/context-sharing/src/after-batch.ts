import { setTimeout as sleep } from "node:timers/promises";

/** Longer than the batch before it took, mostly. */
const PAUSE_MS = 2;

/**
 * What a removal of many does between two of its batches. It leaves most of the time to others: to the calls of this process,
 * to other processes that wait for the lock, and to the store's keeper, which brings the log into the file meanwhile.
 * Without a pause the log would grow faster than that, until a commit had to do it and held the event loop.
 */
export async function afterBatch(): Promise<void> {
  await sleep(PAUSE_MS);
}
