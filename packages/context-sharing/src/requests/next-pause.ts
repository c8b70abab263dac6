/** How long the pauses between attempts are. */
export interface Pauses {
  readonly firstPauseMs: number;
  readonly longestPauseMs: number;
}

/**
 * Decorrelated jitter: anywhere between the first pause and three times the one before, so that many who failed together
 * do not come back together. @param previousMs the pause before; 0 for the first
 */
export function nextPause({ firstPauseMs, longestPauseMs }: Pauses, previousMs: number, random: () => number): number {
  const most = Math.max(firstPauseMs, previousMs) * 3;
  return Math.min(longestPauseMs, firstPauseMs + random() * (most - firstPauseMs));
}
