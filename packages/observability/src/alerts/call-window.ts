/**
 * What happened in the last minutes, by tool: how many calls, how they ended, how long they took.
 *
 * - W1  Bounded: a fixed number of slots, of tools, and of places for durations; nothing is kept per call.
 * - W2  Taking a call in costs two look-ups and three additions.
 * - W3  A percentile is within 10% of the exact value.
 */
const SLOTS = 30;
const MOST_TOOLS = 256;
const MOST_CODES = 64;
/** Each place for durations is a fifth wider than the one before it; the last begins after some 80 days. */
const GROWTH = 1.2;
const PLACES = 125;
const LOG_GROWTH = Math.log(GROWTH);

/** One tool in one slot. */
interface Counts {
  readonly durations: Uint32Array;
  readonly codes: Map<string, number>;
}

interface Slot {
  readonly tools: Map<string, Counts>;
  /** Which stretch of time it holds: the time divided by the slot's length. */
  turn: number;
}

/** What a window held of some tools. */
export interface WindowSummary {
  readonly calls: number;
  /** By how they ended: `OK` or the code of the error. */
  readonly codes: ReadonlyMap<string, number>;
  /** The percentile of the durations in milliseconds, or null where nothing ended. */
  percentile(share: number): number | null;
}

/** The memory of the last minutes. */
export interface CallWindow {
  add(call: { readonly tool: string; readonly code: string; readonly durationMs: number }, now: number): void;
  /** What the last `windowMs` held, of all tools or of one. */
  summary(options: { readonly windowMs: number; readonly tool?: string | undefined }, now: number): WindowSummary;
}

/** Makes a window that reaches back `lengthMs`. */
export function createCallWindow(lengthMs: number): CallWindow {
  const slotMs = lengthMs / SLOTS;
  const slots: Slot[] = Array.from({ length: SLOTS + 1 }, () => ({ tools: new Map<string, Counts>(), turn: -1 }));
  const slotAt = (now: number): Slot => {
    const turn = Math.floor(now / slotMs);
    const slot = slots[turn % slots.length] as Slot;
    if (slot.turn !== turn) {
      slot.tools.clear();
      slot.turn = turn;
    }
    return slot;
  };
  return {
    add({ tool, code, durationMs }, now) {
      const { durations, codes } = countsOf(slotAt(now), tool);
      const place = placeOf(durationMs);
      durations[place] = (durations[place] ?? 0) + 1;
      const known = codes.has(code) || codes.size < MOST_CODES ? code : "OTHER";
      codes.set(known, (codes.get(known) ?? 0) + 1);
    },
    summary({ windowMs, tool }, now) {
      const newest = Math.floor(now / slotMs);
      const oldest = newest - Math.min(SLOTS, Math.max(1, Math.ceil(windowMs / slotMs))) + 1;
      const live = slots.filter(({ turn }) => turn >= oldest && turn <= newest);
      const counts = live.flatMap(({ tools }) =>
        tool === undefined ? [...tools.values()] : [tools.get(tool)].filter((found) => found !== undefined),
      );
      return summarize(counts);
    },
  };
}

function countsOf({ tools }: Slot, tool: string): Counts {
  const found = tools.get(tool);
  if (found !== undefined) return found;
  const name = tools.size < MOST_TOOLS ? tool : "other";
  const counts = tools.get(name) ?? { durations: new Uint32Array(PLACES), codes: new Map<string, number>() };
  tools.set(name, counts);
  return counts;
}

function placeOf(durationMs: number): number {
  // A hundredth of a millisecond is the first place's end; what is no number lands there too.
  const place = Math.ceil(Math.log(durationMs * 100) / LOG_GROWTH);
  return place >= 0 ? Math.min(place, PLACES - 1) : 0;
}

function summarize(all: readonly Counts[]): WindowSummary {
  const codes = new Map<string, number>();
  const durations = new Float64Array(PLACES);
  let calls = 0;
  for (const counts of all) {
    for (const [code, count] of counts.codes) codes.set(code, (codes.get(code) ?? 0) + count);
    counts.durations.forEach((count, place) => {
      durations[place] = (durations[place] ?? 0) + count;
      calls += count;
    });
  }
  return { calls, codes, percentile: (share) => percentileOf(durations, calls, share) };
}

function percentileOf(durations: Float64Array, calls: number, share: number): number | null {
  if (calls === 0) return null;
  const rank = Math.max(1, Math.ceil(calls * share));
  let before = 0;
  const place = durations.findIndex((count) => (before += count) >= rank);
  // The geometric middle of the place.
  return GROWTH ** (place - 0.5) / 100;
}
