/**
 * Durations as a sparse histogram with logarithmic buckets: small enough to be kept for each tool and hour, and added
 * up for any span.
 *
 * - G1  Bucket `n` holds durations over RATIO^(n-1) and up to RATIO^n milliseconds; it stands for their geometric
 *       middle, which is within 4% of each.
 * - G2  As text it is a JSON object of bucket to count. The record's schema makes the same buckets in SQL.
 */

/** From one bucket's upper end to the next one's. */
export const RATIO = 1.08;
/** Milliseconds; what is shorter counts as this. */
export const SHORTEST_MS = 0.001;

const LOG_RATIO = Math.log(RATIO);

/** Bucket to count. */
export type Histogram = Map<number, number>;

/** The bucket of a duration. */
export function bucketOf(ms: number): number {
  return Math.ceil(Math.log(Math.max(ms, SHORTEST_MS)) / LOG_RATIO);
}

/** Adds the counts of one to another. */
export function addHistogram(to: Histogram, from: ReadonlyMap<number, number>): void {
  for (const [bucket, count] of from) to.set(bucket, (to.get(bucket) ?? 0) + count);
}

/** The histogram of a text; what is damaged counts as empty. */
export function parseHistogram(text: string): Histogram {
  const histogram: Histogram = new Map();
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    // Damaged on the disk: the counts beside it are still right.
    return histogram;
  }
  if (typeof parsed !== "object" || parsed === null) return histogram;
  for (const [bucket, count] of Object.entries(parsed)) {
    if (typeof count === "number" && count > 0) histogram.set(Number(bucket), count);
  }
  return histogram;
}

/** The text of a histogram. */
export function formatHistogram(histogram: ReadonlyMap<number, number>): string {
  return JSON.stringify(Object.fromEntries(histogram));
}

/** The durations below which these shares of all lie, in milliseconds; null where there is none. */
export function percentiles(
  histogram: ReadonlyMap<number, number>,
  shares: readonly number[],
): readonly (number | null)[] {
  const buckets = [...histogram].toSorted(([one], [other]) => one - other);
  const total = buckets.reduce((sum, [, count]) => sum + count, 0);
  return shares.map((share) => {
    if (total === 0) return null;
    const rank = Math.max(1, Math.ceil(share * total));
    let seen = 0;
    for (const [bucket, count] of buckets) {
      seen += count;
      if (seen >= rank) return round(RATIO ** (bucket - 0.5));
    }
    return null;
  });
}

/** Three digits that count: more would pretend. */
function round(ms: number): number {
  return Number(ms.toPrecision(3));
}
