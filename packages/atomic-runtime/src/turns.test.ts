import { expect, test } from "vitest";
import { tool } from "../test/rig.ts";
import { Turns } from "./turns.ts";
import type { Ticket, TurnLimits } from "./turns.ts";

/** Turns on a clock that a test sets, and tickets that tell their name when their turn comes. */
function open(limits: Partial<TurnLimits> = {}) {
  const time = { now: 0 };
  const turns = new Turns({ maxConcurrent: 1, maxWaiting: 4, ...limits }, () => time.now);
  const began: string[] = [];
  const refused: string[] = [];
  const plain = tool();
  const take = (group: string, name: string, definition = plain, askers: readonly string[] = []): Ticket => {
    const ticket = turns.take({ definition, group, askers });
    if (ticket.turn === undefined) began.push(name);
    else
      ticket.turn.then(
        () => began.push(name),
        () => refused.push(name),
      );
    return ticket;
  };
  return { turns, time, began, refused, take };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

test("turns go round the sessions, whoever has more waiting", async () => {
  const { take, began } = open();
  const tickets = new Map(["a1", "a2", "a3", "b1", "b2"].map((name) => [name, take(name.slice(0, 1), name)]));
  for (let turn = 0; turn < 5; turn++) {
    tickets.get(began.at(-1) ?? "")?.leave();
    await settled();
  }
  expect(began).toEqual(["a1", "a2", "b1", "a3", "b2"]);
});

test("a tool at its own limit does not hold up the calls behind it", async () => {
  const { take, began } = open({ maxConcurrent: 3 });
  const heavy = tool({ name: "build_it", concurrency: 1 });
  const first = take("a", "heavy 1", heavy);
  take("a", "heavy 2", heavy);
  take("a", "light 1");
  take("b", "light 2");
  expect(began).toEqual(["heavy 1", "light 1", "light 2"]);
  first.leave();
  await settled();
  expect(began.at(-1)).toBe("heavy 2");
});

test("when all places are taken the newest call of the session with most gives way to one with fewer, never in a swap of equals", async () => {
  const { take, refused, turns } = open();
  take("a", "a1");
  for (const name of ["a2", "a3", "a4"]) take("a", name);
  take("b", "b1");
  take("c", "c1");
  await settled();
  expect(refused).toEqual(["a4"]);
  // Two of a, one of b and one of c wait: another one of b would not be fewer than those of a.
  for (const group of ["a", "b"]) {
    expect(() => take(group, "one more")).toThrow(expect.objectContaining({ code: "OVERLOADED" }));
  }
  await settled();
  expect(refused).toEqual(["a4"]);
  expect(turns).toMatchObject({ running: 1, waiting: 4, refused: 3 });
});

test("a place that was promised is not given to another", async () => {
  const { take, refused } = open({ maxWaiting: 3 });
  take("a", "a1");
  for (const name of ["a2", "a3", "a4"]) take("a", name).keep();
  expect(() => take("b", "b1")).toThrow(expect.objectContaining({ code: "OVERLOADED" }));
  await settled();
  expect(refused).toEqual([]);
});

test("who leaves while it waits frees its place, and leaving twice counts once", () => {
  const { take, turns } = open();
  const running = take("a", "a1");
  const waiting = take("a", "a2");
  waiting.leave();
  waiting.leave();
  running.leave();
  running.leave();
  expect(turns).toMatchObject({ running: 0, waiting: 0 });
});

test("what an execution itself calls needs no turn, so that callers never wait for themselves", () => {
  const { take, began } = open();
  const single = tool({ name: "build_it", concurrency: 1 });
  take("a", "parent", single);
  take("a", "child", tool(), ["build_it"]);
  take("a", "itself", single, ["build_it", "copy_text"]);
  expect(began).toEqual(["parent", "child", "itself"]);
});

test("a refusal says when to come back, from how long such calls took", () => {
  const { take, time, turns } = open({ maxWaiting: 0 });
  const asked = (): unknown => {
    try {
      turns.take({ definition: tool(), group: "a", askers: [] });
    } catch (error) {
      return (error as { details?: { retryAfterMs?: number } }).details?.retryAfterMs;
    }
    return undefined;
  };
  let ticket = take("a", "1");
  expect(asked()).toBe(1_000);
  time.now += 4_000;
  ticket.leave();
  ticket = take("a", "2");
  expect(asked()).toBe(4_000);
  time.now += 10_000_000;
  ticket.leave();
  take("a", "3");
  expect(asked()).toBe(30_000);
});
