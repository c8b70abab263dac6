import { setImmediate as nextTurn } from "node:timers/promises";
import { tempFolder } from "@container-kit/config/temp-folder";
import { silentLogger } from "@container-kit/observability";
import type { Logger } from "@container-kit/observability";
import { expect, test } from "vitest";
import type { BusEvent, NewEvent } from "../../src/index.ts";
import { faultyStore } from "./faulty-store.ts";
import { openBus } from "./open-bus.ts";

const HOUR_MS = 60 * 60 * 1000;
const DAY_MS = 24 * HOUR_MS;

test.each([
  ["type", { type: "Tool" }],
  ["sessionId", { sessionId: "" }],
  ["sessionId", { sessionId: "half \u{d800}" }],
  ["correlationId", { correlationId: "x".repeat(257) }],
  ["data", { data: [] as never }],
  ["data", { data: { text: "x".repeat(64 * 1024) } }],
  ["data.at", { data: { at: new Date() } }],
  ["data.count", { data: { count: Number.NaN } }],
])("an event whose %s is none is refused by name, and told soon it is dropped", async (path, change) => {
  const { bus } = await openBus();
  const wrong = { ...event(1), ...change };
  await expect(bus.publish(wrong)).rejects.toMatchObject({ code: "INVALID_INPUT", details: { issues: [{ path }] } });
  bus.publishSoon(wrong);
  bus.publishSoon(null as never);
  bus.publishSoon(event(2));
  expect(numbers((await bus.read()).events)).toEqual([2]);
});

test.each([
  ["pattern", { pattern: "a b" }],
  ["name", { name: "../x" }],
  ["name", { name: null as never }],
  ["handler", { handler: undefined as never }],
  ["sessionId", { sessionId: 5 as never }],
  ["from.after", { from: "later" as never }],
  ["from.after", { from: { after: "17" } }],
  ["from.after", { from: { after: "c9" } }],
])("a subscriber whose %s is none is refused by name", async (path, change) => {
  const { bus } = await openBus();
  expect(() => bus.subscribe({ pattern: "**", handler: () => {}, ...change })).toThrow(
    expect.objectContaining({ code: "INVALID_INPUT", details: { issues: [expect.objectContaining({ path })] } }),
  );
});

test("a page is as long as was asked for, and leads to the next one", async () => {
  const { bus } = await openBus();
  for (let n = 0; n < 5; n += 1) bus.publishSoon({ ...event(n), type: n % 2 === 0 ? "even" : "odd" });
  const first = await bus.read({ pattern: "even", limit: 2 });
  const second = await bus.read({ pattern: "even", limit: 2, after: first.cursor });
  expect([numbers(first.events), numbers(second.events)]).toEqual([[0, 2], [4]]);
  expect(await bus.read({ after: second.cursor })).toEqual({ events: [], cursor: second.cursor, gap: null });
  await expect(bus.read({ limit: 1001 })).rejects.toMatchObject({ code: "INVALID_INPUT" });
});

test("what is told soon is written in the next turn for who waits for it here, and gathered otherwise", async () => {
  const folder = tempFolder();
  const { bus } = await openBus({ folder });
  const { bus: elsewhere } = await openBus({ folder });
  bus.subscribe({ pattern: "tool.*", handler: () => {} });
  bus.publishSoon({ ...event(0), type: "context.shared" });
  await nextTurn();
  expect((await elsewhere.read()).events).toEqual([]);
  bus.publishSoon(event(1));
  await nextTurn();
  expect(numbers((await elsewhere.read()).events)).toEqual([0, 1]);
});

test("a handler's change reaches neither another handler nor its own next try", async () => {
  const { bus } = await openBus();
  const seen: unknown[] = [];
  const spoil = ({ data }: BusEvent): void => {
    seen.push(structuredClone(data));
    Object.assign(data, { n: "spoiled" });
    throw new Error("again");
  };
  const subscriptions = [1, 2].map(() => bus.subscribe({ pattern: "tool.*", handler: spoil }));
  const told = await bus.publish(event(1));
  for (const subscription of subscriptions) await subscription.caughtUp();
  expect(seen).toEqual(Array.from({ length: 10 }, () => ({ n: 1 })));
  expect(told.data).toEqual({ n: 1 });
});

test("while another process has the lock, events wait and keep their order", async () => {
  const store = faultyStore();
  const { bus } = await openBus({ wrap: store.wrap });
  store.fault("STORE_BUSY", 1);
  bus.publishSoon(event(0));
  const told = [bus.publish(event(1)), bus.publish(event(2))];
  bus.publishSoon(event(3));
  expect(numbers(await Promise.all(told))).toEqual([1, 2]);
  expect(numbers((await bus.read()).events)).toEqual([0, 1, 2, 3]);
  expect(store.fired()).toBe(1);
});

test("on a full disk who waits is refused, and what nobody waits for is kept until there is room", async () => {
  const store = faultyStore();
  const { lines, logger } = recordingLogger();
  const { bus } = await openBus({ wrap: store.wrap, logger });
  store.fault("STORE_FULL", 2);
  bus.publishSoon(event(0));
  await expect(bus.publish(event(1))).rejects.toMatchObject({ code: "STORE_FULL" });
  bus.publishSoon(event(2));
  await expect(bus.publish(event(3))).rejects.toMatchObject({ code: "STORE_FULL" });
  await bus.publish(event(4));
  expect(numbers((await bus.read()).events)).toEqual([0, 2, 4]);
  expect([store.fired(), lines]).toEqual([2, ["warn: the store takes no events now; they wait"]]);
});

test("of more than 10,000 events that wait the newest are dropped, and that is told once", async () => {
  const store = faultyStore();
  const { lines, logger } = recordingLogger();
  const { bus } = await openBus({ wrap: store.wrap, logger });
  store.fault("STORE_FULL", 1);
  await expect(bus.publish(event(-1))).rejects.toMatchObject({ code: "STORE_FULL" });
  for (let n = 0; n < 10_005; n += 1) bus.publishSoon(event(n));
  await bus.publish(event(20_000)).catch(() => {});
  let cursor: string | undefined;
  const seen: number[] = [];
  for (let page = await bus.read({ limit: 1000 }); page.events.length > 0;) {
    seen.push(...numbers(page.events));
    ({ cursor } = page);
    page = await bus.read({ limit: 1000, after: cursor });
  }
  expect([seen.length, seen.at(-2), seen.at(-1)]).toEqual([10_001, 9_999, 20_000]);
  expect(lines).toEqual([
    "warn: the store takes no events now; they wait",
    "error: events are dropped: the store has taken none for too long",
    "error: events were dropped while the store took none",
  ]);
});

test("a clock that is set back changes no order, and one that was ahead holds no removal up", async () => {
  let now = Date.now();
  const { bus } = await openBus({ clock: () => now, maxAgeMs: HOUR_MS });
  for (const step of [0, 5 * HOUR_MS, -5 * HOUR_MS, 1000]) {
    now += step;
    await bus.publish(event(step));
  }
  expect(numbers((await bus.read()).events)).toEqual([0, 5 * HOUR_MS, -5 * HOUR_MS, 1000]);
  expect(await bus.prune()).toBe(0);
  now += 2 * HOUR_MS;
  await bus.publish(event(7));
  expect(await bus.prune()).toBe(4);
  expect(numbers((await bus.read()).events)).toEqual([7]);
});

test("many events are removed a few at a time, and not at all after the signal", async () => {
  const { bus } = await openBus({ maxCount: 10 });
  for (let n = 0; n < 1300; n += 1) bus.publishSoon(event(n));
  await bus.publish(event(1300));
  expect(await bus.prune({ signal: AbortSignal.abort() })).toBe(0);
  const stop = new AbortController();
  const stopped = bus.prune({ signal: stop.signal });
  stop.abort();
  expect(await stopped).toBe(500);
  expect(await bus.prune()).toBe(791);
  expect(numbers((await bus.read()).events)).toEqual(Array.from({ length: 10 }, (_, n) => 1291 + n));
});

test("a name that nobody has used for 30 days is forgotten, one that is held is not", async () => {
  let now = Date.now();
  const { bus } = await openBus({ clock: () => now, maxAgeMs: 365 * DAY_MS });
  const seen: string[] = [];
  const take = (name: string): ReturnType<typeof bus.subscribe> =>
    bus.subscribe({ pattern: "**", name, from: "start", handler: () => void seen.push(name) });
  const [held, unused] = [take("held"), take("unused")];
  await bus.publish(event(1));
  await Promise.all([held.caughtUp(), unused.caughtUp()]);
  await unused.close();
  now += 29 * DAY_MS;
  await bus.prune();
  const kept = take("unused");
  await kept.caughtUp();
  await kept.close();
  expect(seen).toEqual(["held", "unused"]);
  now += 31 * DAY_MS;
  await bus.publish(event(2));
  await bus.prune();
  await Promise.all([held.caughtUp(), take("unused").caughtUp()]);
  expect(seen.toSorted()).toEqual(["held", "held", "unused", "unused", "unused"]);
});

test("who stands by in the same process takes the name over when it is given up", async () => {
  const { bus } = await openBus({ patience: { standbyMs: HOUR_MS } });
  const seen: string[] = [];
  const [first, second] = ["first", "second"].map((who) =>
    bus.subscribe({ pattern: "**", name: "keeper", handler: () => void seen.push(who) }),
  );
  await bus.publish(event(1));
  await first?.caughtUp();
  expect([first?.state, second?.state]).toEqual(["active", "standby"]);
  await first?.close();
  expect([first?.state, second?.state]).toEqual(["closed", "active"]);
  await bus.publish(event(2));
  await second?.caughtUp();
  expect(seen).toEqual(["first", "second"]);
});

test("who stands by has caught up when the other has", async () => {
  const folder = tempFolder();
  const [one, other] = [await openBus({ folder }), await openBus({ folder })];
  const gate = new AbortController();
  const opened = new Promise<void>((resolve) => gate.signal.addEventListener("abort", () => resolve()));
  const first = one.bus.subscribe({ pattern: "**", name: "keeper", handler: () => opened });
  const second = other.bus.subscribe({ pattern: "**", name: "keeper", handler: () => {} });
  await other.bus.publish(event(1));
  let isDone = false;
  const done = second.caughtUp().then(() => (isDone = true));
  await nextTurn();
  expect([second.state, isDone]).toEqual(["standby", false]);
  gate.abort();
  await done;
  expect(first.cursor).toBe("c1");
});

test("who takes a name over has caught up where the one before had", async () => {
  const { bus } = await openBus({ patience: { standbyMs: 60_000 } });
  const first = bus.subscribe({ pattern: "**", name: "keeper", handler: () => undefined });
  const second = bus.subscribe({ pattern: "**", name: "keeper", handler: () => undefined });
  await bus.publish(event(1));
  const caughtUp = second.caughtUp();
  await first.caughtUp();
  await first.close();
  expect(second.state).toBe("active");
  await caughtUp;
});

test("the end of a bus writes what waits, ends its subscribers, and does not wait for ever for a handler", async () => {
  const folder = tempFolder();
  const { bus } = await openBus({ folder });
  let isBegun = false;
  const begun = (): Promise<void> => ((isBegun = true), new Promise(() => {}));
  const endless = bus.subscribe({ pattern: "tool.*", name: "endless", handler: begun });
  await bus.publish(event(1));
  await expect.poll(() => isBegun).toBe(true);
  const late = endless.caughtUp();
  const refused = expect(late).rejects.toMatchObject({ code: "CANCELLED" });
  bus.publishSoon(event(2));
  await Promise.all([bus.close(), bus.close(), refused]);
  expect(endless.state).toBe("closed");
  await expect(bus.publish(event(3))).rejects.toThrow(TypeError);
  expect(() => bus.subscribe({ pattern: "**", handler: () => {} })).toThrow(TypeError);
  bus.publishSoon(event(4));
  const again = await openBus({ folder });
  const seen: BusEvent[] = [];
  const subscription = again.bus.subscribe({
    pattern: "**",
    name: "endless",
    handler: (event) => void seen.push(event),
  });
  await subscription.caughtUp();
  expect(numbers(seen)).toEqual([1, 2]);
});

test("a subscriber in a handler, a publisher in a handler and an end in a handler do as they would elsewhere", async () => {
  const { bus } = await openBus();
  const seen: number[] = [];
  const outer = bus.subscribe({
    pattern: "**",
    async handler({ data }) {
      seen.push(Number(data["n"]));
      if (data["n"] === 1) await bus.publish(event(2));
      if (data["n"] === 2) void outer.close();
    },
  });
  await bus.publish(event(1));
  await expect.poll(() => outer.state).toBe("closed");
  await bus.publish(event(3));
  expect(seen).toEqual([1, 2]);
});

function event(n: number): NewEvent {
  return { type: "tool.completed", sessionId: null, data: { n } };
}

function numbers(events: readonly Pick<BusEvent, "data">[]): readonly number[] {
  return events.map(({ data }) => Number(data["n"]));
}

function recordingLogger(): { readonly lines: string[]; readonly logger: Logger } {
  const lines: string[] = [];
  const note =
    (level: string) =>
    (message: string): void =>
      void lines.push(`${level}: ${message}`);
  return { lines, logger: { ...silentLogger, warn: note("warn"), error: note("error") } };
}
