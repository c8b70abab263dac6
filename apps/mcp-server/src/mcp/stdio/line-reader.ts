/**
 * Cuts a byte stream into lines.
 *
 * Invariants:
 * - L1  Every byte is looked at once and copied at most a constant number of times: an unfinished line grows in a
 *       buffer that doubles, so a client that dribbles a large message cannot slow the server down.
 * - L2  A line is decoded whole, so a character that two chunks share survives.
 * - L3  No more than `limit` bytes are ever held; a longer line ends the reading.
 */
export interface LineReader {
  /** Takes the next bytes and hands on every line they complete. */
  push(chunk: Buffer): void;
}

/** Where a {@link LineReader} hands its lines. */
export interface LineReaderOptions {
  /** The most bytes that one line may have. */
  readonly limit: number;
  readonly onLine: (line: string) => void;
  /** Called once, for the first line that is longer than the limit; nothing is handed on afterwards. */
  readonly onOverflow: () => void;
}

const NEWLINE = 0x0a;
const FIRST_CAPACITY = 64 * 1024;

export function createLineReader({ limit, onLine, onOverflow }: LineReaderOptions): LineReader {
  let held = Buffer.alloc(0);
  let length = 0;
  let overflown = false;

  const hold = (bytes: Buffer): void => {
    if (length + bytes.length > held.length) {
      const capacity = Math.min(limit, Math.max(FIRST_CAPACITY, held.length * 2, length + bytes.length));
      const larger = Buffer.allocUnsafe(capacity);
      held.copy(larger, 0, 0, length);
      held = larger;
    }
    bytes.copy(held, length);
    length += bytes.length;
  };

  const take = (end: Buffer): string => {
    if (length === 0) return end.toString("utf8");
    hold(end);
    const line = held.toString("utf8", 0, length);
    length = 0;
    if (held.length > FIRST_CAPACITY) held = Buffer.alloc(0);
    return line;
  };

  return {
    push(chunk) {
      let start = 0;
      while (!overflown) {
        const newline = chunk.indexOf(NEWLINE, start);
        const part = chunk.subarray(start, newline === -1 ? chunk.length : newline);
        if (length + part.length > limit) {
          overflown = true;
          held = Buffer.alloc(0);
          onOverflow();
        } else if (newline === -1) {
          hold(part);
          return;
        } else {
          start = newline + 1;
          onLine(take(part));
        }
      }
    },
  };
}
