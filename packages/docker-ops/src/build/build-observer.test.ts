import * as fc from "fast-check";
import { expect, test } from "vitest";
import { LogTail } from "./build-observer.ts";

test("output is given out line by line, however it is cut into chunks", () => {
  const tail = new LogTail();
  expect(["one\nt", "wo\rthr", "ee\r\n", "fo"].flatMap((chunk) => tail.add(chunk))).toEqual(["one", "two", "three"]);
  expect(tail.text()).toBe("one\ntwo\nthree\nfo");
  expect([tail.flush(), tail.flush()]).toEqual(["fo", null]);
});

test("a line without an end is given out in pieces, and none of them ends inside of a text that is to stay whole", () => {
  const [secret, other] = ["SECRET-begin-SECRET-end", "end-of-another"];
  const part = fc.oneof(
    fc.constantFrom(secret, other, `${secret}${other.slice(3)}`),
    fc.integer({ min: 1, max: 20_000 }).map((length) => "x".repeat(length)),
  );
  const parts = fc.array(part, { minLength: 1, maxLength: 8 });
  const sizes = fc.array(fc.integer({ min: 1, max: 18_000 }), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(parts, sizes, (texts, chunks) => {
      const line = texts.join("");
      const tail = new LogTail([secret, other, "of two\nlines"]);
      const pieces: string[] = [];
      for (let at = 0, turn = 0; at < line.length; turn += 1) {
        const size = chunks[turn % chunks.length] ?? 1;
        pieces.push(...tail.add(line.slice(at, at + size)));
        at += size;
      }
      pieces.push(tail.flush() ?? "");
      expect(pieces.join("")).toBe(line);
      for (const text of [secret, other])
        expect(pieces.reduce((sum, piece) => sum + piece.split(text).length - 1, 0)).toBe(line.split(text).length - 1);
      for (const piece of pieces) expect(piece.length).toBeLessThan(40_000);
    }),
    { numRuns: 200 },
  );
});

test("what is kept of long lines begins inside of no text that is to stay whole", () => {
  const secret = "SECRET-begin-SECRET-end";
  for (let before = 11_970; before < 12_010; before += 1) {
    const tail = new LogTail([secret]);
    tail.add(`${secret}${"x".repeat(before)}\n`);
    const kept = tail.text();
    expect(kept.length).toBeLessThanOrEqual(12_000);
    expect(kept.replaceAll(secret, "")).toMatch(/^x+$/);
  }
});
