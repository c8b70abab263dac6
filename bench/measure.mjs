/**
 * The one way in which this repository measures: two things in turn, in the same run, compared by ratios.
 *
 * - B1  The machine is busy with other things and is never the same twice, so a time alone says little. Each round
 *       measures both sides in turn, and the ratio is taken within the round.
 * - B2  What is reported is the median over rounds: of each side's p50 and p95, and of the rounds' ratios. The ratio is
 *       therefore not exactly the quotient of the two times beside it.
 * - B3  A call that returns a number has measured itself; of any other the time is taken.
 * - B4  Which side goes first changes from round to round, so that neither always gets the warm machine.
 */
import { setTimeout as sleep } from "node:timers/promises";

/**
 * Compares two functions.
 *
 * @param {object} comparison
 * @param {string} comparison.name what is measured, for the table
 * @param {() => unknown} comparison.ours one call of ours
 * @param {{name: string, call: () => unknown}} comparison.baseline what it is held against, and one call of that
 * @param {number} [comparison.rounds] 7 by default
 * @param {number} [comparison.calls] calls of each side in a round; 200 by default
 * @param {number} [comparison.warmUp] calls of each side that are not counted; a tenth of a round by default
 * @param {number} [comparison.gapMs] pause before each call: 0 is a tight loop, 10 is what an agent sees
 * @param {string} [comparison.unit] what calls that measure themselves count, where it is not milliseconds
 * @param {{ratio50?: number, ratio95?: number}} [comparison.gate] the highest ratios that are good enough
 * @returns an entry for `run` of a bench file to return
 */
export async function compare({
  name,
  ours,
  baseline,
  rounds = 7,
  calls = 200,
  warmUp = Math.ceil(calls / 10),
  gapMs = 0,
  unit,
  gate,
}) {
  const sides = [ours, baseline.call];
  for (const call of sides) await timeCalls(call, warmUp, gapMs);
  const measured = [[], []];
  for (let round = 0; round < rounds; round += 1) {
    for (const side of round % 2 === 0 ? [0, 1] : [1, 0]) {
      const times = await timeCalls(sides[side], calls, gapMs);
      measured[side].push({ p50: percentile(times, 50), p95: percentile(times, 95) });
    }
  }
  const [own, other] = measured;
  const ratio = (key) => median(own.map((one, round) => one[key] / other[round][key]));
  return {
    name,
    ours: { p50: medianOf(own, "p50"), p95: medianOf(own, "p95") },
    baseline: { name: baseline.name, p50: medianOf(other, "p50"), p95: medianOf(other, "p95") },
    ratio50: ratio("p50"),
    ratio95: ratio("p95"),
    ...(unit === undefined ? {} : { unit }),
    ...(gate === undefined ? {} : { gate }),
  };
}

/**
 * Measures how far the memory of this process rises above what it was before each call, beside what is allowed.
 *
 * @param {object} measurement
 * @param {string} measurement.name what is measured, for the table
 * @param {() => unknown} measurement.call one call; the first is cold, and counts
 * @param {number} measurement.allowedMiB the rise that is good enough, also for the highest
 * @param {number} [measurement.calls] 5 by default
 * @returns an entry for `run` of a bench file to return, in MiB of resident memory
 */
export async function measureMemory({ name, call, allowedMiB, calls = 5 }) {
  const rises = [];
  for (let at = 0; at < calls; at += 1) {
    const before = process.memoryUsage.rss();
    let highest = before;
    const look = () => (highest = Math.max(highest, process.memoryUsage.rss()));
    const timer = setInterval(look, 10);
    await call();
    clearInterval(timer);
    look();
    rises.push((highest - before) / 2 ** 20);
  }
  const ours = { p50: percentile(rises, 50), p95: percentile(rises, 95) };
  return asAllowed({ name, ours, allowed: { p50: allowedMiB, p95: allowedMiB }, unit: "MiB" });
}

/**
 * Measures the time of one function beside what is allowed: for the few limits that are times, and therefore true of
 * a quiet machine only.
 *
 * @param {object} measurement
 * @param {string} measurement.name what is measured, for the table
 * @param {() => unknown} measurement.call one call
 * @param {{p50?: number, p95: number}} measurement.allowed milliseconds that are good enough
 * @param {number} [measurement.rounds] 7 by default
 * @param {number} [measurement.calls] calls in a round; 1,000 by default
 * @param {number} [measurement.warmUp] calls that are not counted; as many as a round's by default
 * @param {number} [measurement.gapMs] pause before each call
 * @returns an entry for `run` of a bench file to return
 */
export async function measureTime({ name, call, allowed, rounds = 7, calls = 1000, warmUp = calls, gapMs = 0 }) {
  await timeCalls(call, warmUp, gapMs);
  const measured = [];
  for (let round = 0; round < rounds; round += 1) {
    const times = await timeCalls(call, calls, gapMs);
    measured.push({ p50: percentile(times, 50), p95: percentile(times, 95) });
  }
  const ours = { p50: medianOf(measured, "p50"), p95: medianOf(measured, "p95") };
  return asAllowed({ name, ours, allowed: { p50: allowed.p95, ...allowed } });
}

/** An entry whose baseline is a limit. Only its p95 is a gate. */
export function asAllowed({ name, ours, allowed, unit }) {
  return {
    name,
    ...(unit === undefined ? {} : { unit }),
    ours,
    baseline: { name: "what is allowed", ...allowed },
    ratio50: ours.p50 / allowed.p50,
    ratio95: ours.p95 / allowed.p95,
    gate: { ratio95: 1 },
  };
}

/** Milliseconds of each of so many calls, one after the other. */
async function timeCalls(call, count, gapMs) {
  const times = [];
  for (let at = 0; at < count; at += 1) {
    if (gapMs > 0) await sleep(gapMs);
    const start = performance.now();
    const returned = await call();
    times.push(typeof returned === "number" ? returned : performance.now() - start);
  }
  return times;
}

/** The value below which `percent` per cent of the values lie (nearest rank). */
function percentile(values, percent) {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)];
}

function medianOf(rounds, key) {
  return median(rounds.map((round) => round[key]));
}

function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
