/**
 * One line of a journal: `CRC KIND BODY`, where CRC is the CRC-32 of `KIND BODY` as eight hex digits and BODY is JSON,
 * which holds no raw newline.
 *
 * - L1  A line without its newline is no line yet: its writer may still be at it, or died over it.
 * - L2  A line whose sum is wrong is skipped and counted; what follows it is still read.
 */
import { crc32 } from "node:zlib";
import type { JournalEntry } from "./types.ts";

const NEWLINE = 0x0a;
const SUM = 8;

/** An entry, and where its line ends. */
interface ParsedEntry extends JournalEntry {
  readonly end: number;
}

/** What was found at the beginning of some bytes of a journal. */
export interface ParsedLines {
  readonly entries: readonly ParsedEntry[];
  /** Where the last whole line ended. */
  readonly consumed: number;
  /** Lines that could not be read. */
  readonly damaged: number;
}

/** Makes a line. */
export function formatLine(kind: string, body: string): string {
  const text = `${kind} ${body}`;
  return `${crc32(text).toString(16).padStart(SUM, "0")} ${text}\n`;
}

/** Reads at most `limit` whole lines. */
export function parseLines(bytes: Buffer, limit: number): ParsedLines {
  const entries: ParsedEntry[] = [];
  let consumed = 0;
  let damaged = 0;
  for (let lines = 0; lines < limit; lines += 1) {
    const end = bytes.indexOf(NEWLINE, consumed);
    if (end === -1) break;
    const entry = parseLine(bytes.subarray(consumed, end));
    consumed = end + 1;
    if (entry === undefined) damaged += 1;
    else entries.push({ ...entry, end: consumed });
  }
  return { entries, consumed, damaged };
}

/** Reads one line, without its newline; undefined when it is not as it was written. */
export function parseLine(line: Buffer): JournalEntry | undefined {
  if (line.length <= SUM + 1) return undefined;
  const text = line.subarray(SUM + 1);
  if (line.toString("latin1", 0, SUM) !== crc32(text).toString(16).padStart(SUM, "0")) return undefined;
  const written = text.toString("utf8");
  const space = written.indexOf(" ");
  try {
    return { kind: written.slice(0, space), body: JSON.parse(written.slice(space + 1)) as unknown };
  } catch {
    // The sum is right and the body no JSON: its writer broke the agreement, and this line can be of no use to anybody.
    return undefined;
  }
}
