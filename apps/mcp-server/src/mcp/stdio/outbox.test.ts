import { Writable } from "node:stream";
import { expect, test } from "vitest";
import { createOutbox } from "./outbox.ts";

/** Until what was sent in this turn has been written. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A reader that takes nothing until it is told to. */
function slowReader(): { stream: Writable; read: () => void; lines: string[] } {
  const lines: string[] = [];
  const held: (() => void)[] = [];
  let reading = false;
  const stream = new Writable({
    highWaterMark: 1,
    decodeStrings: false,
    write(chunk: string, _encoding, done) {
      lines.push(chunk);
      if (reading) done();
      else held.push(done);
    },
  });
  return {
    stream,
    lines,
    read: () => {
      reading = true;
      for (const done of held.splice(0)) done();
    },
  };
}

test("results are kept in order and of a call's progress only the newest, while the client does not read", async () => {
  const { stream, read, lines } = slowReader();
  const outbox = createOutbox(stream);
  outbox.send("first");
  await turn();
  for (let step = 1; step <= 100; step += 1) outbox.send(`a${step}`, "a");
  outbox.send("b1", "b");
  outbox.send("result a");
  outbox.send("b2", "b");
  outbox.send("result b");
  expect(lines).toEqual(["first"]);
  read();
  await outbox.flushed();
  expect(lines).toEqual(["first", "a100b2result aresult b"]);
});

test("what is sent in one turn leaves in one write, and no write grows without end", async () => {
  const { stream, read, lines } = slowReader();
  const outbox = createOutbox(stream);
  read();
  for (const line of ["a", "b", "c"]) outbox.send(line);
  await outbox.flushed();
  expect(lines).toEqual(["abc"]);
  for (let at = 0; at < 8; at += 1) outbox.send("x".repeat(40_000));
  await outbox.flushed();
  expect(lines.slice(1).map((text) => text.length)).toEqual([80_000, 80_000, 80_000, 80_000]);
});

test("pressure is told when too much waits and taken back when it is read", async () => {
  const { stream, read } = slowReader();
  const told: boolean[] = [];
  const outbox = createOutbox(stream, { highWater: 10, onPressure: (pressed) => told.push(pressed) });
  outbox.send("written");
  await turn();
  outbox.send("12345678");
  expect(told).toEqual([]);
  outbox.send("9abc");
  expect(told).toEqual([true]);
  read();
  await outbox.flushed();
  expect(told).toEqual([true, false]);
});

test("waiting for an empty outbox ends when the client is gone", async () => {
  const { stream, lines } = slowReader();
  const outbox = createOutbox(stream);
  outbox.send("a");
  await turn();
  outbox.send("b");
  const flushed = outbox.flushed();
  outbox.discard();
  await flushed;
  outbox.send("c");
  expect(lines).toEqual(["a"]);
});
