import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { createLogger, createRedactingStream, createRedactor, MASK } from "../index.ts";
import { SHORTEST_SECRET, spellingsOf } from "./spellings.ts";

/** Secrets that are no part of the mask itself, which would stand wherever they are masked. */
const secret = fc
  .string({ minLength: SHORTEST_SECRET, maxLength: 40, unit: "binary" })
  .filter((candidate) => ![...spellingsOf(candidate)].some((spelling) => overlapsMask(spelling)));

/** Where a word and the mask share a beginning or an end, masking one may spell another. */
function overlapsMask(word: string): boolean {
  return /[[\]]/.test(word) || MASK.includes(word);
}

const cuts = fc.array(fc.nat(30), { minLength: 1, maxLength: 40 });

function inPieces(whole: string, sizes: readonly number[]): string[] {
  const pieces: string[] = [];
  let at = 0;
  for (let index = 0; at < whole.length; index += 1) {
    const size = (sizes[index % sizes.length] ?? 0) + 1;
    pieces.push(whole.slice(at, at + size));
    at += size;
  }
  return pieces;
}

test("no spelling of an announced secret survives in a text, a value, a log line or a stream in pieces", () => {
  fc.assert(
    fc.property(fc.array(secret, { minLength: 1, maxLength: 5 }), cuts, fc.string(), (secrets, sizes, filler) => {
      const redactor = createRedactor();
      for (const one of secrets) redactor.learn(one);
      const spelt = secrets.flatMap((one) => [...spellingsOf(one)]);
      const whole = spelt.map((spelling) => `${spelling}\n${spelling} |`).join(" # ");
      const lines: string[] = [];
      const logger = createLogger({ level: "info", redactor, write: (line) => lines.push(line) });
      logger.child({ whole }).info(whole, { [whole]: whole, error: new Error(whole, { cause: new Error(filler) }) });
      const stream = redactor.stream();
      const streamed =
        inPieces(whole, sizes)
          .map((piece) => stream.push(piece))
          .join("") + stream.end();
      const outputs = [redactor.text(whole), JSON.stringify(redactor.value({ [whole]: [whole] })), ...lines, streamed];
      expect(lines).toHaveLength(1);
      // A word of a log line's own (`level`, `name`) is no secret that leaked.
      const leaked = spelt.filter((spelling) => outputs.some((output) => stripped(output).includes(spelling)));
      expect(leaked).toEqual([]);
    }),
    { numRuns: 300 },
  );
});

function stripped(output: string): string {
  return output.replace(/"(?:time|level|msg|whole|error|name|message|stack|cause)":/g, "");
}

test("text in pieces is masked like the whole text, wherever it is cut", () => {
  const whole = [
    "npm login --password pw1 --user u",
    'NPM_TOKEN="two words" then {"password": "pa ss", "a": "b"}\r\nprogress 10%\rprogress 20%',
    "sent bearer abcdefghijklmnopqrstuvwxyz to https://user:pass@example.com/x",
    "-----BEGIN PRIVATE KEY-----\nMHcCAQEE\nabc=\n-----END PRIVATE KEY-----\nhello",
    "a secret of first\nsecond here",
  ].join("\n");
  fc.assert(
    fc.property(cuts, (sizes) => {
      const redactor = createRedactor();
      redactor.learn("first\nsecond");
      const stream = redactor.stream();
      const streamed =
        inPieces(whole, sizes)
          .map((piece) => stream.push(piece))
          .join("") + stream.end();
      expect(streamed).toBe(redactor.text(whole));
    }),
    { numRuns: 200 },
  );
});

test("a line without an end is given out in parts, and a value that is longer than any part stays masked", () => {
  const stream = createRedactor().stream();
  const out: string[] = [];
  const filler = "x".repeat(999);
  for (let index = 0; index < 100; index += 1) out.push(stream.push(`${filler} `));
  expect(out.join("").length).toBeGreaterThan(80_000);
  out.push(stream.push("TOKEN="));
  for (let index = 0; index < 100; index += 1) out.push(stream.push("s3cr3t".repeat(100)));
  out.push(stream.push(" done"), stream.end());
  expect(out.join("")).toBe(`${`${filler} `.repeat(100)}TOKEN=${MASK} done`);
});

test("a stream of bytes keeps characters whole that are cut, and masks a secret that is", async () => {
  const redactor = createRedactor();
  redactor.learn("pässwörd");
  const bytes = [...Buffer.from("größe: pässwörd\n€")].map((byte) => Buffer.from([byte]));
  const masked = await text(Readable.from(bytes).pipe(createRedactingStream(redactor)));
  expect(masked).toBe(`größe: ${MASK}\n€`);
});

test("a megabyte in single characters is masked in linear time", () => {
  const redactor = createRedactor();
  redactor.learn("line one\nline two");
  const stream = redactor.stream();
  let length = 0;
  for (let index = 0; index < 1_000_000; index += 1) length += stream.push(index % 5_000 === 4_999 ? "\n" : "a").length;
  expect(length + stream.end().length).toBe(1_000_000);
});
