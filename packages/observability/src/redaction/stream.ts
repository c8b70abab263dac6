import { StringDecoder } from "node:string_decoder";
import { Transform } from "node:stream";

/**
 * Masks text that arrives in pieces, so that a secret which is split over two of them does not pass.
 *
 * - S1  A line is given out when it has ended: no pattern reaches over a line's end.
 * - S2  What a line's end may not cut is held back longer, from the beginning of its line: an announced secret of
 *       several lines, or what may become one, and a private key.
 * - S3  Of a line that does not end at most the window is held back, and after it as much as the longest secret or the
 *       longest context of a pattern. What is held back then was masked already, so that the rest of a long value joins
 *       its mask.
 * - S4  Linear: no character is looked at more often than a few times, however small the pieces are.
 */
export interface RedactingText {
  /** Takes the next piece; gives out what can no longer change. */
  push(piece: string): string;
  /** Gives out the rest. */
  end(): string;
}

/** What the announced secrets demand of the holding back. */
export interface Announced {
  /** The length of the longest spelling. */
  readonly longest: number;
  /** The spellings that reach over a line's end. */
  readonly ofSeveralLines: readonly string[];
}

const WINDOW = 16_384;
/** More than any pattern needs before its value: the longest name with its separators, or the user information of a URL. */
const CONTEXT = 1_024;
const KEY_BEGINS = "-----BEGIN ";
const KEY_GOES_ON = /^-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[A-Za-z0-9+/=\s\\]*$/;

/** Makes the memory of one text that arrives in pieces. */
export function redactText(mask: (text: string) => string, announced: () => Announced): RedactingText {
  let pending = "";
  return {
    push(piece) {
      const lineEnds = piece.includes("\n") || piece.includes("\r");
      pending += piece;
      const held = Math.max(CONTEXT, announced().longest);
      if (!lineEnds && pending.length <= WINDOW + held) return "";
      const at = cut(pending, announced());
      const ready = mask(pending.slice(0, at));
      pending = pending.slice(at);
      if (pending.length <= WINDOW + held) return ready;
      // S3
      const masked = mask(pending);
      const end = Math.max(0, masked.length - held);
      pending = masked.slice(end);
      return ready + masked.slice(0, end);
    },
    end() {
      const rest = mask(pending);
      pending = "";
      return rest;
    },
  };
}

/** Up to where whole lines can be given out: S1, S2. */
function cut(pending: string, { longest, ofSeveralLines }: Announced): number {
  let at = lineStart(pending, pending.length);
  const key = pending.lastIndexOf(KEY_BEGINS);
  if (key !== -1 && key < at && KEY_GOES_ON.test(pending.slice(key))) at = lineStart(pending, key);
  for (;;) {
    const secret = secretOver(pending, at, { longest, ofSeveralLines });
    if (secret === -1) return at;
    at = lineStart(pending, secret);
  }
}

/** Where the line begins that this place is in. */
function lineStart(text: string, place: number): number {
  if (place === 0) return 0;
  return Math.max(text.lastIndexOf("\n", place - 1), text.lastIndexOf("\r", place - 1)) + 1;
}

/** Where a secret begins that reaches over this place, or may do so when the text goes on; -1 where none does. */
function secretOver(text: string, place: number, { longest, ofSeveralLines }: Announced): number {
  if (ofSeveralLines.length === 0) return -1;
  for (let from = Math.max(0, place - longest + 1); from < place; from += 1) {
    const first = text.charCodeAt(from);
    const begins = (spelling: string): boolean =>
      spelling.charCodeAt(0) === first &&
      from + spelling.length > place &&
      spelling.startsWith(text.slice(from, from + spelling.length));
    if (ofSeveralLines.some(begins)) return from;
  }
  return -1;
}

/** A stream for bytes or text that masks what passes, also across its chunks. */
export function createRedactingStream(redactor: { stream(): RedactingText }): Transform {
  const text = redactor.stream();
  const decoder = new StringDecoder("utf8");
  return new Transform({
    decodeStrings: true,
    transform(chunk: Buffer, _encoding, done) {
      const masked = text.push(decoder.write(chunk));
      done(null, masked === "" ? undefined : masked);
    },
    flush(done) {
      const masked = text.push(decoder.end()) + text.end();
      done(null, masked === "" ? undefined : masked);
    },
  });
}
