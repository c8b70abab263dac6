import { expect, test } from "vitest";
import { createTurns } from "./turns.ts";

const signal = new AbortController().signal;
const soon = () => new Promise((resolve) => setImmediate(resolve));

/** A run that notes when it begins, and ends when it is told to. */
function held(name: string, begun: string[]) {
  let end = () => {};
  const ended = new Promise<void>((resolve) => (end = resolve));
  return { run: async () => (begun.push(name), await ended, name), end: () => end() };
}

test("calls of one key run one after the other in their order, those of another key beside them", async () => {
  const turns = createTurns();
  const begun: string[] = [];
  const [one, two, three] = [held("one", begun), held("two", begun), held("three", begun)];
  const results = [
    turns.take("a", signal, one.run),
    turns.take("a", signal, two.run),
    turns.take("b", signal, three.run),
  ];
  await soon();
  expect(begun).toEqual(["one", "three"]);
  one.end();
  await soon();
  expect(begun).toEqual(["one", "three", "two"]);
  two.end();
  three.end();
  expect(await Promise.all(results)).toEqual(["one", "two", "three"]);
});

test("a call that fails holds nobody up, and one that leaves while it waits never runs", async () => {
  const turns = createTurns();
  const begun: string[] = [];
  const first = held("first", begun);
  const last = held("last", begun);
  const controller = new AbortController();
  const running = turns.take("a", signal, async () => {
    await first.run();
    throw new Error("failed");
  });
  const leaving = turns.take("a", controller.signal, held("leaving", begun).run);
  const waiting = turns.take("a", signal, last.run);
  controller.abort(new Error("left"));
  await expect(leaving).rejects.toThrow("left");
  await soon();
  expect(begun).toEqual(["first"]);
  first.end();
  await expect(running).rejects.toThrow("failed");
  last.end();
  expect(await waiting).toBe("last");
  expect(begun).toEqual(["first", "last"]);
});
