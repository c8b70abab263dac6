/**
 * What time it is, by two clocks, since either may mislead.
 *
 * - C1  Times that are kept are the wall's: they must mean the same after a start and in another process.
 * - C2  Whether something is over is decided by the earlier of the wall and the steady clock, which is the wall as it
 *       stood when this process began plus what its monotonic clock counted since. So a wall that jumps ahead ends
 *       nothing, and one that was set right again after a wrong start ends nothing either.
 * - C3  Durations, and what one process observes of another, are measured by the monotonic clock alone.
 */
import type { SessionStoreOptions, Timestamp } from "./types.ts";

/** The clocks of one process. */
export interface Clocks {
  wall(): Timestamp;
  /** Milliseconds since some moment; never goes back. */
  monotonic(): number;
  /** The moment that all agree has come (C2). */
  certain(): Timestamp;
}

/** Where only the wall is handed in, it is the monotonic clock too, so that one clock moves all. */
export function createClocks({ clock, monotonicClock }: SessionStoreOptions): Clocks {
  const wall = clock ?? Date.now;
  const monotonic = monotonicClock ?? clock ?? ((): number => performance.now());
  const [began, origin] = [wall(), monotonic()];
  return { wall, monotonic, certain: () => Math.floor(Math.min(wall(), began + monotonic() - origin)) };
}
