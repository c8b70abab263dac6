import { PassThrough, Readable } from "node:stream";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { errorOf, readProgress } from "./progress-stream.ts";
import type { ProgressRecord } from "./progress-stream.ts";

const never = new AbortController().signal;

async function collect(stream: Readable, inactivityMs = 5000, signal: AbortSignal = never): Promise<ProgressRecord[]> {
  const records: ProgressRecord[] = [];
  for await (const record of readProgress(stream, { operation: "the push", signal, inactivityMs }))
    records.push(record);
  return records;
}

test("records come out whole however the bytes are cut", async () => {
  const records = [
    { status: "héllo 🐳 日本" },
    { id: "abc", progressDetail: { current: 1, total: 2 } },
    { error: "no ✗" },
  ];
  const bytes = Buffer.from(records.map((record) => JSON.stringify(record)).join("\r\n"));
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(bytes.length), { maxLength: 30 }), async (cuts) => {
      const at = [0, ...cuts.sort((a, b) => a - b), bytes.length];
      const chunks = at.slice(1).map((end, index) => bytes.subarray(at[index], end));
      expect(await collect(Readable.from(chunks.filter((chunk) => chunk.length > 0)))).toEqual(records);
    }),
  );
});

test("an error record without a final newline is not lost", async () => {
  const [record = {}] = await collect(
    Readable.from([Buffer.from('{"errorDetail":{"message":"denied"},"error":"denied"}')]),
  );
  expect(errorOf(record)).toBe("denied");
});

test("an empty answer gives no records", async () => {
  expect(await collect(Readable.from([]))).toEqual([]);
  expect(await collect(Readable.from([Buffer.from("\n\r\n  \n")]))).toEqual([]);
});

test.each(["<html>502</html>", '{"status":"Pus', "\0\0\0", "42", "null", "[]", '"text"'])(
  "%j is ENGINE_PROTOCOL",
  async (body) => {
    await expect(collect(Readable.from([Buffer.from(body)]))).rejects.toMatchObject({ code: "ENGINE_PROTOCOL" });
  },
);

test("an endless record is ENGINE_PROTOCOL and is not buffered to the end", async () => {
  let sent = 0;
  const flood = Readable.from(
    (function* endless() {
      for (;;) {
        sent += 1;
        yield Buffer.alloc(1024 * 1024, "x");
      }
    })(),
  );
  await expect(collect(flood)).rejects.toMatchObject({ code: "ENGINE_PROTOCOL" });
  expect(sent).toBeLessThan(20);
  expect(flood.destroyed).toBe(true);
});

describe("a stream that does not end", () => {
  test("is ENGINE_TIMEOUT after the inactivity limit, and destroyed", async () => {
    const stream = new PassThrough();
    stream.write('{"status":"one"}\n');
    await expect(collect(stream, 50)).rejects.toMatchObject({ code: "ENGINE_TIMEOUT", retryable: true });
    expect(stream.destroyed).toBe(true);
  });

  test("is destroyed at once when the call is aborted", async () => {
    const stream = new PassThrough();
    const controller = new AbortController();
    const reading = collect(stream, 5000, controller.signal);
    controller.abort();
    await expect(reading).rejects.toMatchObject({ name: "AbortError" });
    expect(stream.destroyed).toBe(true);
  });

  test("is refused before anything is read when the call was aborted before", async () => {
    await expect(collect(new PassThrough(), 5000, AbortSignal.abort())).rejects.toMatchObject({ name: "AbortError" });
  });
});

test("a connection that breaks in the middle is ENGINE_RESTARTED", async () => {
  const stream = new PassThrough();
  stream.write('{"status":"one"}\n');
  setTimeout(() => stream.destroy(Object.assign(new Error("aborted"), { code: "ECONNRESET" })), 10);
  await expect(collect(stream)).rejects.toMatchObject({ code: "ENGINE_RESTARTED", retryable: true });
});
