/**
 * Lines of JSON over a pipe between the server and a plugin's process.
 *
 * - F1  A line is refused by its length before it is parsed: nobody can fill the other's memory.
 * - F2  JSON only: no object of the other process is ever revived.
 * - F3  What a plugin sends is no deeper than a walk through it may go.
 */
import type { Duplex } from "node:stream";

/** The longest line: a result of one mebibyte and what is said beside it. */
const LONGEST_FRAME = 1024 * 1024 + 128 * 1024;

/** What a reader hears. */
export interface FrameListener {
  readonly onFrame: (frame: unknown, bytes: number) => void;
  /** The line was too long or no JSON; nothing is read after it. */
  readonly onFault: (message: string) => void;
}

const MOST_LEVELS = 200;
const NEW_LINE = 0x0a;

/** Reads frames until the first fault. */
export function readFrames(stream: Duplex, { onFrame, onFault }: FrameListener): void {
  let pending: Buffer[] = [];
  let length = 0;
  let broken = false;
  const fault = (message: string): void => {
    broken = true;
    pending = [];
    onFault(message);
  };
  stream.on("data", (chunk: Buffer) => {
    let rest = chunk;
    for (;;) {
      if (broken) return undefined;
      const end = rest.indexOf(NEW_LINE);
      const piece = end === -1 ? rest : rest.subarray(0, end);
      length += piece.length;
      if (length > LONGEST_FRAME) return fault(`a message of more than ${LONGEST_FRAME} bytes`);
      pending.push(piece);
      if (end === -1) return undefined;
      const line = Buffer.concat(pending, length).toString("utf8");
      pending = [];
      length = 0;
      rest = rest.subarray(end + 1);
      let frame: unknown;
      try {
        frame = JSON.parse(line);
      } catch {
        return fault("a message that is not JSON");
      }
      onFrame(frame, line.length);
    }
  });
}

/** Whether it is nested deeper than code that visits every part of it could go (F3). Visits without going deeper itself. */
export function isTooDeep(frame: unknown): boolean {
  let level: unknown[] = [frame];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > MOST_LEVELS) return true;
    level = level.flatMap((value) => (typeof value === "object" && value !== null ? Object.values(value) : []));
  }
  return false;
}

/** Writes one frame; what the stream cannot take any more is lost, and its close says so. */
export function writeFrame(stream: Duplex, frame: object): void {
  if (stream.writable) stream.write(`${JSON.stringify(frame)}\n`);
}
