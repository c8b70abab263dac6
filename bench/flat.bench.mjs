/**
 * Whether a call costs the same whatever the record holds, and whether memory stays where it is while calls come. The
 * counts are those of the names in the table; `pnpm bench --full` takes ten million rows and a million calls.
 */
import { asAllowed, compare } from "./measure.mjs";
import { openRecordedCalls } from "./recorded-calls.mjs";

const isFull = process.env.CONTAINER_KIT_BENCH_FULL === "1";
const ROWS = isFull ? 10_000_000 : 300_000;
const CALLS = isFull ? 1_000_000 : 50_000;
const WARM_UP = 20_000;
const ALLOWED_MIB = 32;

export async function run() {
  const empty = await openRecordedCalls({ executions: 0 });
  const full = await openRecordedCalls({ executions: ROWS });
  try {
    const cost = await compare({
      name: `a call in a record of ${ROWS} executions`,
      ours: full.call,
      baseline: { name: "a call in an empty one", call: empty.call },
      calls: 2000,
      gate: { ratio50: 1.3 },
    });
    return [cost, await memory(empty.call)];
  } finally {
    await Promise.all([empty.close(), full.close()]);
  }
}

/** How far the memory of this process is above what it was after the first calls, looked at every thousand. */
async function memory(call) {
  for (let at = 0; at < WARM_UP; at += 1) await call();
  const before = process.memoryUsage.rss();
  const rises = [];
  for (let at = 1; at <= CALLS; at += 1) {
    await call();
    if (at % 1000 === 0) rises.push((process.memoryUsage.rss() - before) / 2 ** 20);
  }
  rises.sort((a, b) => a - b);
  const ours = { p50: rises[Math.floor(rises.length / 2)], p95: rises[Math.floor(rises.length * 0.95)] };
  const name = `memory over ${CALLS} calls, MiB above that after ${WARM_UP}`;
  return asAllowed({ name, unit: "MiB", ours, allowed: { p50: ALLOWED_MIB, p95: ALLOWED_MIB } });
}
