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
