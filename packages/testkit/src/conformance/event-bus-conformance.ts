/**
 * What every medium of the event bus promises: at least once, in one order for all, over connections and deaths.
 *
 * - C1  The cases are plain functions that reject, so that it can be shown of each that it fails on a medium that is
 *       broken in its way.
 * - C2  A case waits for what it expects, up to a deadline. What must not come is looked for after something that was
 *       told later has come.
 */
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, test } from "vitest";
import type {
  BusMedium,
  ConformingBus,
  ConformingEvent,
  ConformingGap,
  ConformingSubscribe,
  ConformingSubscription,
  OpenMedium,
} from "./event-bus-medium.ts";

/** One promise of an event bus. */
export interface EventBusCase {
  readonly name: string;
  /** Rejects when the promise is not kept. @param patienceMs how long it waits for what must come. Default 10,000 */
  readonly run: (open: OpenMedium, patienceMs?: number) => Promise<void>;
}

/** What a case has at hand. */
interface Bench {
  readonly medium: BusMedium;
  readonly patienceMs: number;
}

interface Collected {
  readonly events: ConformingEvent[];
  readonly subscription: ConformingSubscription;
}

const PATIENCE_MS = 10_000;
/** Twice as long as a medium may take to keep a place. */
const PLACE_IS_KEPT_MS = 200;

/** Describes the tests that every medium of the event bus must pass. */
export function eventBusConformance(name: string, open: OpenMedium): void {
  describe(`${name}, as a medium of the event bus`, () => {
    for (const { name: promise, run } of eventBusCases) test(promise, () => run(open));
  });
}

/** The promises, each by itself. */
export const eventBusCases: readonly EventBusCase[] = [
  defineCase("every subscriber sees all events in one order, also those of other connections", async (bench) => {
    const [one, other] = [await bench.medium.connect(), await bench.medium.connect()];
    const seen = [collect(one), collect(other), collect(one, { pattern: "tool.**" })];
    for (let n = 0; n < 40; n += 1) await (n % 2 === 0 ? one : other).publish(numbered(n));
    for (const { events } of seen) await until(bench, () => numbersOf(events).length >= 40);
    for (const { events } of seen) assert.deepEqual(numbersOf(events), upTo(40));
    assert.deepEqual(numbersOf((await other.read()).events), upTo(40));
  }),

  defineCase("no event is lost or seen out of order with 20 concurrent publishers", async (bench) => {
    const connections = await Promise.all([1, 2, 3, 4].map(() => bench.medium.connect()));
    const reader = await bench.medium.connect();
    const { events } = collect(reader);
    const publishers = Array.from({ length: 20 }, async (_, publisher) => {
      const bus = connections[publisher % connections.length] ?? reader;
      for (let n = 0; n < 25; n += 1) await bus.publish({ ...numbered(n), sessionId: `p${publisher}` });
    });
    const [paged] = await Promise.all([readUntil(bench, reader, 500), ...publishers]);
    await until(bench, () => events.length >= 500);
    assert.equal(new Set(events.map(({ id }) => id)).size, 500, "ids");
    assert.deepEqual(idsOf(paged), idsOf(events));
    for (let publisher = 0; publisher < 20; publisher += 1) {
      const own = events.filter(({ sessionId }) => sessionId === `p${publisher}`);
      assert.deepEqual(numbersOf(own), upTo(25), `the events of publisher ${publisher}`);
    }
  }),

  defineCase(
    "an event has the same id and cursor for everybody, and a cursor leads to what follows it",
    async (bench) => {
      const bus = await bench.medium.connect();
      const told = [await bus.publish(numbered(0)), await bus.publish(numbered(1)), await bus.publish(numbered(2))];
      const { events } = collect(await bench.medium.connect(), { from: { after: told[0]?.cursor ?? "" } });
      await until(bench, () => events.length >= 2);
      assert.deepEqual(events, told.slice(1));
      const page = await bus.read({ after: told[0]?.cursor ?? "", limit: 1 });
      assert.deepEqual(page, { events: told.slice(1, 2), cursor: told[1]?.cursor, gap: null });
    },
  ),

  defineCase("what is told soon keeps its place before what is told after it", async (bench) => {
    const bus = await bench.medium.connect();
    const { events } = collect(await bench.medium.connect());
    for (let n = 0; n < 9; n += 1) bus.publishSoon(numbered(n));
    await bus.publish(numbered(9));
    await until(bench, () => events.length >= 10);
    assert.deepEqual(numbersOf(events), upTo(10));
  }),

  defineCase("a pattern and a session select, by whole words", async (bench) => {
    const bus = await bench.medium.connect();
    const types = ["tool.completed", "tool.failed", "tool", "tool.x.y", "toolbox.completed", "context.shared"];
    const seen = ["tool.*", "tool.**", "**.completed", "*", "**"].map((pattern) => collect(bus, { pattern }));
    const ofOne = collect(bus, { sessionId: "one" });
    for (const type of types) await bus.publish({ type, sessionId: type === "tool" ? "one" : null, data: {} });
    await bus.publish({ type: "tool.failed", sessionId: "other", data: {} });
    for (const { subscription } of [...seen, ofOne]) await within(bench, subscription.caughtUp());
    assert.deepEqual(
      seen.map(({ events }) => events.map(({ type }) => type)),
      [
        ["tool.completed", "tool.failed", "tool.failed"],
        ["tool.completed", "tool.failed", "tool", "tool.x.y", "tool.failed"],
        ["tool.completed", "toolbox.completed"],
        ["tool"],
        [...types, "tool.failed"],
      ],
    );
    assert.deepEqual(idsOf(ofOne.events), idsOf((await bus.read({ sessionId: "one" })).events));
    assert.equal(ofOne.events.length, 1);
  }),

  defineCase("a subscriber with a name goes on where it was, and misses nothing of the time between", async (bench) => {
    const bus = await bench.medium.connect();
    const first = collect(bus, { name: "keeper" });
    for (let n = 0; n < 3; n += 1) await bus.publish(numbered(n));
    await within(bench, first.subscription.caughtUp());
    await first.subscription.close();
    for (let n = 3; n < 6; n += 1) await bus.publish(numbered(n));
    const second = collect(await bench.medium.connect(), { name: "keeper" });
    await until(bench, () => second.events.length >= 3);
    assert.deepEqual(numbersOf(first.events), upTo(3));
    assert.deepEqual(numbersOf(second.events), [3, 4, 5]);
  }),

  defineCase("what a subscriber had not done with when it died comes to the next one", async (bench) => {
    const [teller, dying] = [await bench.medium.connect(), await bench.medium.connect()];
    const begun: number[] = [];
    const endless = async (event: ConformingEvent): Promise<void> => {
      begun.push(numberOf(event));
      if (numberOf(event) === 2) await new Promise(() => {});
    };
    dying.subscribe({ pattern: "**", name: "keeper", handler: endless });
    for (let n = 0; n < 5; n += 1) await teller.publish(numbered(n));
    await until(bench, () => begun.includes(2));
    // Time enough for a place to be kept that may not be kept yet.
    await sleep(PLACE_IS_KEPT_MS);
    await bench.medium.crash(dying);
    const { events } = collect(await bench.medium.connect(), { name: "keeper" });
    await until(bench, () => numbersOf(events).includes(4));
    assert.deepEqual(numbersOf(events).slice(-3), [2, 3, 4]);
  }),

  defineCase("one at a time has a name: another stands by, and takes over without a hole", async (bench) => {
    const [one, other] = [await bench.medium.connect(), await bench.medium.connect()];
    const first = collect(one, { name: "keeper" });
    const second = collect(other, { name: "keeper" });
    assert.deepEqual([first.subscription.state, second.subscription.state], ["active", "standby"]);
    for (let n = 0; n < 3; n += 1) await other.publish(numbered(n));
    await within(bench, first.subscription.caughtUp());
    // Looked for after an event that came later was handled by both connections (C2).
    const witness = collect(other, { from: "start" });
    await until(bench, () => witness.events.length >= 3);
    assert.deepEqual([numbersOf(first.events), second.events.length], [upTo(3), 0]);
    await bench.medium.crash(one);
    await until(bench, () => second.subscription.state === "active");
    await other.publish(numbered(3));
    await until(bench, () => numbersOf(second.events).includes(3));
    const handled = [...new Set([...numbersOf(first.events), ...numbersOf(second.events)])];
    assert.deepEqual(handled, upTo(4));
  }),

  defineCase(
    "who is behind what was removed is told of the gap once, and goes on",
    async (bench) => {
      const bus = await bench.medium.connect();
      const first = await bus.publish(numbered(0));
      for (let n = 1; n < 30; n += 1) await bus.publish(numbered(n));
      assert.equal(await bus.prune(), 20);
      const gaps: ConformingGap[] = [];
      const { events } = collect(bus, { from: { after: first.cursor }, onGap: (gap) => gaps.push(gap) });
      await until(bench, () => numbersOf(events).includes(29));
      const expected = { after: first.cursor, until: events[0]?.cursor };
      assert.deepEqual([numbersOf(events), gaps], [upTo(30).slice(20), [expected]]);
      const { gap, events: page } = await bus.read({ after: first.cursor });
      assert.deepEqual([gap, numbersOf(page)], [expected, upTo(30).slice(20)]);
      assert.equal((await bus.read()).gap, null);
    },
    10,
  ),

  defineCase("a slow subscriber holds up nobody, and gets everything in order, one at a time", async (bench) => {
    const bus = await bench.medium.connect();
    const fast = collect(bus);
    const slow: number[] = [];
    let running = 0;
    const gate = new AbortController();
    const opened = new Promise((resolve) => gate.signal.addEventListener("abort", resolve));
    const handler = async (event: ConformingEvent): Promise<void> => {
      running += 1;
      assert.equal(running, 1);
      await opened;
      slow.push(numberOf(event));
      running -= 1;
    };
    const subscription = bus.subscribe({ pattern: "**", handler });
    for (let n = 0; n < 300; n += 1) await bus.publish(numbered(n));
    await until(bench, () => fast.events.length >= 300);
    assert.deepEqual(slow, []);
    gate.abort();
    await within(bench, subscription.caughtUp());
    assert.deepEqual(slow, upTo(300));
  }),

  defineCase("a handler that fails gets the event again; one that always does passes it over, aloud", async (bench) => {
    const bus = await bench.medium.connect();
    const tries: number[] = [];
    const handler = (event: ConformingEvent): void => {
      tries.push(numberOf(event));
      if (numberOf(event) === 1) throw new Error("never");
      if (numberOf(event) === 0 && tries.length < 3) throw new Error("not yet");
    };
    bus.subscribe({ pattern: "tool.*", handler });
    const { events: passedOver } = collect(bus, { pattern: "bus.undelivered" });
    const told: ConformingEvent[] = [];
    for (let n = 0; n < 3; n += 1) told.push(await bus.publish(numbered(n)));
    await until(bench, () => passedOver.length > 0 && tries.includes(2));
    assert.deepEqual(tries, [0, 0, 0, 1, 1, 1, 1, 1, 2]);
    assert.deepEqual(passedOver[0]?.data["event"], told[1]?.id);
  }),

  defineCase("the events of a removed session are gone, and nobody stumbles over it", async (bench) => {
    const bus = await bench.medium.connect();
    const first = await bus.publish({ ...numbered(0), sessionId: "gone" });
    await bus.publish({ ...numbered(1), sessionId: "kept" });
    await bus.publish({ ...numbered(2), sessionId: "gone" });
    await bus.removeSession("gone");
    const gaps: ConformingGap[] = [];
    const { events } = collect(bus, { from: { after: first.cursor }, onGap: (gap) => gaps.push(gap) });
    await bus.publish({ ...numbered(3), sessionId: "kept" });
    await until(bench, () => numbersOf(events).includes(3));
    assert.deepEqual([numbersOf(events), gaps], [[1, 3], []]);
    assert.deepEqual((await bus.read({ sessionId: "gone" })).events, []);
  }),
];

function defineCase(name: string, work: (bench: Bench) => Promise<void>, maxCount?: number): EventBusCase {
  return {
    name,
    async run(open, patienceMs = PATIENCE_MS) {
      const medium = await open(maxCount === undefined ? {} : { maxCount });
      try {
        await work({ medium, patienceMs });
      } finally {
        await medium.close();
      }
    },
  };
}

function collect(bus: ConformingBus, options: Partial<ConformingSubscribe> = {}): Collected {
  const events: ConformingEvent[] = [];
  const handler = (event: ConformingEvent): void => void events.push(event);
  return { events, subscription: bus.subscribe({ pattern: "**", handler, ...options }) };
}

async function readUntil(bench: Bench, bus: ConformingBus, count: number): Promise<readonly ConformingEvent[]> {
  const events: ConformingEvent[] = [];
  let cursor: string | undefined;
  await until(bench, async () => {
    const page = await bus.read({ limit: 7, ...(cursor === undefined ? {} : { after: cursor }) });
    events.push(...page.events);
    ({ cursor } = page);
    return events.length >= count;
  });
  return events;
}

async function until({ patienceMs }: Bench, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + patienceMs;
  while (!(await isSo())) {
    assert.ok(performance.now() < deadline, `${isSo.toString()} did not come to pass`);
    await sleep(2);
  }
}

async function within(bench: Bench, work: Promise<void>): Promise<void> {
  let isDone = false;
  const done = work.then(() => (isDone = true));
  await until(bench, () => isDone);
  await done;
}

function numbered(n: number): {
  readonly type: string;
  readonly sessionId: null;
  readonly data: { readonly n: number };
} {
  return { type: "tool.completed", sessionId: null, data: { n } };
}

function numberOf({ data }: ConformingEvent): number {
  return Number(data["n"]);
}

function numbersOf(events: readonly ConformingEvent[]): readonly number[] {
  return events.map(numberOf);
}

function idsOf(events: readonly ConformingEvent[]): readonly string[] {
  return events.map(({ id }) => id);
}

function upTo(count: number): readonly number[] {
  return Array.from({ length: count }, (_, n) => n);
}
