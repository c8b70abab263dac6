/** How long a call may be delayed while 100,000 entries, which expired at the same moment, are removed beside it. */
import { asAllowed } from "./measure.mjs";
import { fill, nameOf, openShared } from "./shared-parts.mjs";

const ENTRIES = 100_000;
const ROUNDS = 3;
const ALLOWED_MS = 50;

export async function run() {
  const turns = [];
  const calls = [];
  for (let round = 0; round < ROUNDS; round += 1) await sweepOnce(turns, calls);
  const allowed = { p50: ALLOWED_MS, p95: ALLOWED_MS };
  const entry = (what, longest) => {
    const sorted = longest.toSorted((a, b) => a - b);
    const ours = { p50: sorted[Math.floor(sorted.length / 2)], p95: sorted.at(-1) };
    return asAllowed({
      name: `${ENTRIES} entries expire at once: the longest ${what} (median and worst round)`,
      ours,
      allowed,
    });
  };
  return [entry("delay of a turn", turns), entry("get beside it", calls)];
}

/** Adds the longest delay of a turn of the loop, and of a call that comes in between, while everything is swept. */
async function sweepOnce(turns, calls) {
  let ahead = 0;
  const { context, close } = await openShared({ clock: () => Date.now() + ahead });
  try {
    await fill(context, ENTRIES, { ttlMs: 60_000 });
    const { entries } = await context.usage();
    if (entries < ENTRIES) throw new Error(`${entries} entries instead of ${ENTRIES}`);
    ahead = 2 * 60_000;
    const swept = new AbortController();
    const longest = { turn: 0, call: 0 };
    const beside = async () => {
      for (let at = 0; !swept.signal.aborted; at += 1) {
        const begun = performance.now();
        await new Promise((resolve) => setImmediate(resolve));
        longest.turn = Math.max(longest.turn, performance.now() - begun);
        const called = performance.now();
        if ((await context.get(nameOf(at % 1000, at % 100))) !== undefined)
          throw new Error("what has expired is served");
        longest.call = Math.max(longest.call, performance.now() - called);
      }
    };
    const watching = beside();
    const removed = await context.sweep().finally(() => swept.abort());
    await watching;
    // What was looked at was removed by the look.
    const { entries: left } = await context.usage();
    if (left > 0) throw new Error(`${left} entries are left, ${removed} were removed`);
    turns.push(longest.turn);
    calls.push(longest.call);
  } finally {
    await close();
  }
}
