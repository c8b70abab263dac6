import { EventEmitter } from "node:events";
import { expect, test } from "vitest";
import { createLogger, createRedactor, MASK } from "./index.ts";
import { createLogSink } from "./stderr-sink.ts";

test("a log line carries fields, error causes and no secret", () => {
  const lines: string[] = [];
  const redactor = createRedactor();
  redactor.learn("s3cr3t-value");
  const logger = createLogger({ level: "info", redactor, write: (line) => lines.push(line) }).child({
    sessionId: "s1",
  });
  logger.info("pushed with s3cr3t-value", { error: new Error("outer", { cause: new Error("s3cr3t-value inside") }) });
  logger.debug("not at this level");
  expect(lines).toHaveLength(1);
  const line: unknown = JSON.parse(lines[0] ?? "");
  expect(line).toMatchObject({
    level: "info",
    sessionId: "s1",
    msg: `pushed with ${MASK}`,
    error: { message: "outer", cause: { message: `${MASK} inside` } },
  });
});

test("a log line's own words are masked before they are quoted", () => {
  const lines: string[] = [];
  const redactor = createRedactor();
  redactor.learn('two\n"lines"');
  createLogger({ level: "info", redactor, write: (line) => lines.push(line) }).info('saw two\n"lines" here');
  expect(JSON.parse(lines.join(""))).toMatchObject({ msg: `saw ${MASK} here` });
});

test("a line is whole although a value in it looks as if it went on", () => {
  const lines: string[] = [];
  const logger = createLogger({ level: "info", redactor: createRedactor(), write: (line) => lines.push(line) });
  logger.info("PASSWORD='cut", { env: 'TOKEN="cut', after: 1 });
  expect(JSON.parse(lines.join(""))).toMatchObject({
    msg: `PASSWORD='${MASK}`,
    env: `TOKEN="${MASK}`,
    after: 1,
  });
});

test("a silent logger writes nothing", () => {
  const lines: string[] = [];
  createLogger({ level: "silent", redactor: createRedactor(), write: (line) => lines.push(line) }).error("x");
  expect(lines).toEqual([]);
});

test("a secret that was announced late, or that a number spells, leaves a line that can be parsed", () => {
  const lines: string[] = [];
  const redactor = createRedactor();
  const logger = createLogger({ level: "info", redactor, write: (line) => lines.push(line) });
  const child = logger.child({ token: 1234567, url: "late-secret", nested: { count: 987654 } });
  for (const secret of ["late-secret", "987654", "info", '","url":"']) redactor.learn(secret);
  child.info("x");
  logger.info("fine", { a: "b" });
  expect(lines.join("")).not.toMatch(/late-secret|987654|1234567|","url":"/);
  for (const line of lines) expect(() => JSON.parse(line)).not.toThrow();
  expect(lines).toHaveLength(2);
});

test("a reader of the log that goes away or does not read harms nothing, and what was dropped is told", () => {
  class Reader extends EventEmitter {
    readonly taken: string[] = [];
    writableLength = 0;
    destroyed = false;
    fails = false;
    write(text: string): boolean {
      if (this.fails) throw new Error("EBADF");
      this.taken.push(text);
      return true;
    }
  }
  const reader = new Reader();
  const sink = createLogSink(() => reader);
  sink("one\n");
  expect(() => reader.emit("error", new Error("EPIPE"))).not.toThrow();
  reader.writableLength = 2_000_000;
  sink("two\n");
  reader.writableLength = 0;
  reader.fails = true;
  sink("three\n");
  reader.fails = false;
  sink("four\n");
  expect(reader.taken).toEqual(["one\n", expect.stringContaining('"dropped":2'), "four\n"]);
});

test("nothing that a line is handed makes the logger throw", () => {
  const { logger, told } = listen();
  const trap = {
    get broken(): string {
      throw new Error("no");
    },
    fine: 1,
  };
  logger.info("getter", trap);
  logger.info("deeper", { in: [trap] });
  const any = logger as unknown as Record<"info" | "child", (...parameters: unknown[]) => typeof logger>;
  for (const parameters of [[undefined], [Symbol("x")], [{ a: 1 }, "words"], ["words", 5], ["words", null]]) {
    any.info(...parameters);
  }
  any.child(undefined).info("of a child");
  expect(told().map(({ time: _time, level: _level, ...line }) => line)).toEqual([
    { msg: "getter", broken: "[unreadable]", fine: 1 },
    { msg: "deeper", in: [{ broken: "[unreadable]", fine: 1 }] },
    { msg: "" },
    { msg: "" },
    { msg: "words", value: { a: 1 } },
    { msg: "words", value: 5 },
    { msg: "words", value: null },
    { msg: "of a child" },
  ]);
});

test("a field cannot stand for what a line says of itself, nor for what its logger says", () => {
  const { logger, told } = listen();
  const call = logger.child({ correlationId: "the call's" });
  call.info("true", { level: "error", time: "never", msg: "forged", correlationId: "another's" });
  call.child({ correlationId: "another's" }).info("true");
  const [line, ofChild] = told();
  expect(line).toMatchObject({ level: "info", msg: "true", correlationId: "the call's" });
  expect(line).toMatchObject({ _level: "error", _msg: "forged", _correlationId: "another's" });
  expect(ofChild).toMatchObject({ correlationId: "the call's", _correlationId: "another's" });
});

test("a line is bounded: its long parts are cut, and say so", () => {
  const { logger, lines, told } = listen();
  const many = Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`f${index}`, "x".repeat(100)]));
  logger.warn("y".repeat(1_000_000), { list: Array.from({ length: 100_000 }, () => "item"), short: "whole" });
  logger.warn("said", many);
  expect(Math.max(...lines.map(({ length }) => length))).toBeLessThan(64 * 1024);
  const [cut, crowded] = told();
  expect(cut).toMatchObject({
    level: "warn",
    short: "whole",
    msg: expect.stringMatching(/^y+… \[1000000 characters\]$/),
  });
  expect(crowded).toMatchObject({ level: "warn", msg: "said" });
});

function listen() {
  const lines: string[] = [];
  const logger = createLogger({ level: "info", redactor: createRedactor(), write: (line) => lines.push(line) });
  return { logger, lines, told: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
}
