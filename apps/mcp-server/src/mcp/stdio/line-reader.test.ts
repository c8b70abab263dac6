import { expect, test } from "vitest";
import { createLineReader } from "./line-reader.ts";

function read(chunks: readonly (string | Buffer)[], limit = 100): { lines: string[]; overflows: number } {
  const lines: string[] = [];
  let overflows = 0;
  const reader = createLineReader({
    limit,
    onLine: (line) => lines.push(line),
    onOverflow: () => {
      overflows += 1;
    },
  });
  for (const chunk of chunks) reader.push(Buffer.from(chunk));
  return { lines, overflows };
}

test("a chunk with several lines yields each of them, and the rest waits", () => {
  expect(read(["a\nb\n\nc", "d\n"]).lines).toEqual(["a", "b", "", "cd"]);
});

test("a character that two chunks share survives", () => {
  const euro = Buffer.from("€\n");
  expect(read([euro.subarray(0, 1), euro.subarray(1, 2), euro.subarray(2)]).lines).toEqual(["€"]);
});

test("a line of exactly the limit passes and one byte more ends the reading", () => {
  expect(read(["12345\n"], 5)).toEqual({ lines: ["12345"], overflows: 0 });
  expect(read(["123", "456", "\nlater\n"], 5)).toEqual({ lines: [], overflows: 1 });
  expect(read(["ok\n123456\nlater\n"], 5)).toEqual({ lines: ["ok"], overflows: 1 });
});

test("a large line that arrives in small pieces takes time in proportion to its length", () => {
  const piece = Buffer.alloc(256, "x");
  const time = (bytes: number): number => {
    const reader = createLineReader({ limit: bytes + 1, onLine: () => {}, onOverflow: () => {} });
    const start = process.cpuUsage().user;
    for (let sent = 0; sent < bytes; sent += piece.length) reader.push(piece);
    reader.push(Buffer.from("\n"));
    return process.cpuUsage().user - start;
  };
  time(4 << 20);
  const small = time(4 << 20);
  const large = time(32 << 20);
  expect(large).toBeLessThan(Math.max(small, 5_000) * 8 * 4);
});
