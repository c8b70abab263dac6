import type { Failure, RepeatPolicy } from "./types.ts";

const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 30_000;
/** What an error may ask for at most: a number of a stranger's must not become a pause without end. */
const LONGEST_ASKED_MS = 86_400_000;

/**
 * How long to wait before a call is repeated: twice as long each time, spread upwards by up to a half, and never less than
 * the error itself asks for.
 *
 * @param uses how often it was repeated before
 */
export function retryPauseMs(
  { firstPauseMs = FIRST_PAUSE_MS, longestPauseMs = LONGEST_PAUSE_MS }: RepeatPolicy,
  uses: number,
  { error: { details } }: Failure,
  random: (() => number) | undefined,
): number {
  const pause = Math.min(longestPauseMs, firstPauseMs * 2 ** uses);
  const spread = random === undefined ? pause : pause * (1 + random() / 2);
  const asked = details?.["retryAfterMs"];
  const least = typeof asked === "number" && asked > 0 ? Math.min(asked, LONGEST_ASKED_MS) : 0;
  return Math.ceil(Math.max(spread, least));
}
