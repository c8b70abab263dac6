/**
 * Streams a build context as a tar archive, a few small files or one chunk of a large one in memory at a time.
 *
 * - K1  A file is read as `open-entry.ts` says: nothing from outside is read, whatever changes meanwhile, and a file
 *       that changes while it is read fails the build.
 * - K2  Owner and time are fixed, so that an unchanged tree gives the same bytes.
 * - K3  Memory is flat, whatever the context holds: nothing is read or described before what precedes it was taken.
 */
import { Readable } from "node:stream";
import type { IgnoreRules } from "./ignore.ts";
import { openEntry } from "./open-entry.ts";
import type { EntryContent } from "./open-entry.ts";
import { readAhead } from "./read-ahead.ts";
import { tarEnd, tarHeader, tarPadding } from "./tar-writer.ts";
import { walkContext } from "./walk.ts";
import type { ContextEntry } from "./walk.ts";

export interface PackOptions {
  /** Absolute, with every symbolic link resolved. */
  readonly root: string;
  readonly rules: IgnoreRules;
  /** Contents that are sent in place of a file's own, by path. */
  readonly replacements?: ReadonlyMap<string, string>;
  readonly signal: AbortSignal;
  readonly onEntry?: (entry: ContextEntry) => void;
}

/** Files that are read ahead of the one that is being written. */
const AHEAD = 16;
/** The archive leaves in pieces of about this size: a write for each small file would cost more than the file. */
const PIECE = 64 * 1024;

/** The archive. An error while packing destroys the stream with that error. */
export function packContext(options: PackOptions): Readable {
  return Readable.from(joinPieces(archiveOf(options)), { objectMode: false, highWaterMark: PIECE });
}

async function* archiveOf({ root, rules, replacements, signal, onEntry }: PackOptions): AsyncGenerator<Buffer, void> {
  const read = async (entry: ContextEntry): Promise<EntryContent> => {
    const replacement = replacements?.get(entry.path);
    if (replacement !== undefined) return Buffer.from(replacement);
    return entry.type === "file" ? openEntry(root, entry) : NOTHING;
  };
  for await (const [entry, content] of readAhead(walkContext(root, rules, signal), AHEAD, read)) {
    signal.throwIfAborted();
    yield* fileOf(entry, content);
    onEntry?.(entry);
  }
  yield tarEnd();
}

const NOTHING = Buffer.alloc(0);

async function* fileOf(
  { path, type, mode, size, target }: ContextEntry,
  content: EntryContent,
): AsyncGenerator<Buffer, void> {
  const link = target === undefined ? {} : { target };
  const length = Buffer.isBuffer(content) ? content.length : size;
  yield tarHeader({ name: path, type, mode, size: length, ...link });
  if (Buffer.isBuffer(content)) yield content;
  else yield* content;
  yield tarPadding(length);
}

async function* joinPieces(parts: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void> {
  let piece: Buffer[] = [];
  let bytes = 0;
  for await (const part of parts) {
    piece.push(part);
    bytes += part.length;
    if (bytes < PIECE) continue;
    yield Buffer.concat(piece, bytes);
    piece = [];
    bytes = 0;
  }
  if (bytes > 0) yield Buffer.concat(piece, bytes);
}
