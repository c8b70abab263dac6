import * as fc from "fast-check";
import { expect, test } from "vitest";
import { addHistogram, bucketOf, formatHistogram, parseHistogram, percentiles } from "./histogram.ts";
import type { Histogram } from "./histogram.ts";

const SHARES = [0.5, 0.95, 0.99];

function histogramOf(durations: readonly number[]): Histogram {
  const histogram: Histogram = new Map();
  for (const each of durations) addHistogram(histogram, new Map([[bucketOf(each), 1]]));
  return histogram;
}

test("percentiles are within 5% of the exact ones, whatever the durations", () => {
  const duration = fc.double({ min: 0.001, max: 1e8, noNaN: true });
  fc.assert(
    fc.property(fc.array(duration, { minLength: 1, maxLength: 200 }), (durations) => {
      const sorted = durations.toSorted((one, other) => one - other);
      const found = percentiles(parseHistogram(formatHistogram(histogramOf(durations))), SHARES);
      for (const [index, share] of SHARES.entries()) {
        const exact = sorted[Math.ceil(share * sorted.length) - 1] ?? 0;
        expect(Math.abs((found[index] ?? 0) - exact) / exact).toBeLessThan(0.05);
      }
    }),
  );
});

test("nothing has no percentile, and no time at all is told as next to none", () => {
  expect(percentiles(new Map(), SHARES)).toEqual([null, null, null]);
  expect(percentiles(histogramOf([0, 0]), [0.5])[0]).toBeLessThan(0.0011);
});

test.each(["", "[", "null", "7", '{"a":"b"}', '{"3":-1}'])("a damaged histogram %j counts as empty", (text) => {
  expect(percentiles(parseHistogram(text), [0.5])).toEqual([null]);
});
