import { readFileSync } from "node:fs";

/** One thing that a program did, as `native/power-cut.c` notes it. */
export interface PowerNote {
  readonly kind: (typeof KINDS)[number];
  /** Whether what was opened is a folder. */
  readonly isFolder: boolean;
  /** Below the recorded folder; "" for the folder itself. */
  readonly path: string;
  /** Of a link or a rename: the other name. */
  readonly target: string;
  /** The inode. */
  readonly file: bigint;
  /** Where in the file; of a truncation its size; of a sync what its begin and its end have in common. */
  readonly offset: bigint;
  readonly data: Buffer;
  /** By the monotonic clock, in nanoseconds. */
  readonly at: bigint;
}

const KINDS = [
  "none",
  "open",
  "write",
  "truncate",
  "sync-begin",
  "sync-end",
  "link",
  "rename",
  "unlink",
  "mkdir",
  "rmdir",
  "said",
] as const;

const MAGIC = 0x5057524b;
const HEADER = 40;

/** The notes of a recording, in their order. A last one that is cut off, as by a kill, is left out. @throws for a file that is none */
export function readNotes(file: string): PowerNote[] {
  const bytes = readFileSync(file);
  const notes: PowerNote[] = [];
  for (let at = 0; at + HEADER <= bytes.length;) {
    if (bytes.readUInt32LE(at) !== MAGIC) throw new Error(`${file} is no recording: byte ${at}`);
    const path = at + HEADER;
    const target = path + bytes.readUInt16LE(at + 6);
    const data = target + bytes.readUInt16LE(at + 8);
    const end = data + bytes.readUInt32LE(at + 12);
    if (end > bytes.length) break;
    notes.push({
      kind: KINDS[bytes.readUInt8(at + 4)] ?? "none",
      isFolder: bytes.readUInt8(at + 5) === 1,
      path: bytes.toString("utf8", path, target),
      target: bytes.toString("utf8", target, data),
      file: bytes.readBigUInt64LE(at + 24),
      offset: bytes.readBigUInt64LE(at + 32),
      data: bytes.subarray(data, end),
      at: bytes.readBigUInt64LE(at + 16),
    });
    at = end;
  }
  return notes;
}
