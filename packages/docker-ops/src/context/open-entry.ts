/**
 * Reads a file of the context, and only that file.
 *
 * - O1  The last part is not followed when it is a link (`O_NOFOLLOW`), its folder is held (`held-folder.ts`), and
 *       nothing blocks on a FIFO.
 * - O2  What is read is what was listed: the same file (device and inode), of the same size and time of change, when it
 *       has been read. A file that vanishes, is swapped, or changes in length or content is an error: half a file, or a
 *       file of two ages, is never sent as whole. (A change of the same length within the same tick of the file system's
 *       clock, some milliseconds, cannot be seen; then what is sent is what was read.)
 * - O3  A small file is in memory once, a large one never: it comes in chunks. What is sparse is read as what it shows.
 */
import { close, constants, fstat, open, read } from "node:fs";
import { promisify } from "node:util";
import { fail } from "../errors.ts";
import { unreadable } from "./unreadable.ts";
import type { ContextEntry, FileSource } from "./walk.ts";

/** What a file holds: all at once, or in chunks. The last chunk comes only when the file was found unchanged. */
export type EntryContent = Buffer | AsyncIterable<Buffer>;

/** Larger files come in chunks. */
const SMALL = 64 * 1024;
const CHUNK = 64 * 1024;
const READ_ONLY = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

// The callback functions cost half of what `fs/promises` does, and a context is many small calls.
const openFile = promisify(open);
const closeFile = promisify(close);
const statFile = promisify(fstat);
const readFile = promisify(
  (descriptor: number, buffer: Buffer, offset: number, done: (error: Error | null, bytes: number) => void) =>
    read(descriptor, buffer, offset, buffer.length - offset, null, done),
);

/** @throws CONTEXT_INVALID now, or from the chunks */
export function openEntry(_root: string, entry: ContextEntry): Promise<EntryContent> {
  const { source } = entry;
  if (source === undefined) return Promise.reject(new TypeError(`${entry.path} is no file`));
  return entry.size <= SMALL ? readWhole(entry, source) : Promise.resolve(readChunks(entry, source));
}

function readWhole(entry: ContextEntry, source: FileSource): Promise<Buffer> {
  return withFile(entry, source, async (descriptor) => {
    const { size } = entry;
    const content = Buffer.allocUnsafe(size);
    if ((await fill(descriptor, content)) !== size) throw changed(entry);
    await checkUnchanged(descriptor, entry, source);
    return content;
  });
}

async function* readChunks(entry: ContextEntry, source: FileSource): AsyncGenerator<Buffer, void> {
  const descriptor = await source.folder.use((prefix) => openNamed(entry, prefix + source.name));
  try {
    await checkUnchanged(descriptor, entry, source);
    for (let left = entry.size; left > 0;) {
      const chunk = Buffer.allocUnsafe(Math.min(CHUNK, left));
      if ((await fill(descriptor, chunk)) !== chunk.length) throw changed(entry);
      left -= chunk.length;
      if (left === 0) await checkUnchanged(descriptor, entry, source);
      yield chunk;
    }
  } finally {
    await closeFile(descriptor);
  }
}

async function withFile<T>(
  entry: ContextEntry,
  { folder, name }: FileSource,
  work: (descriptor: number) => Promise<T>,
): Promise<T> {
  return folder.use(async (prefix) => {
    const descriptor = await openNamed(entry, prefix + name);
    try {
      return await work(descriptor);
    } catch (cause) {
      throw unreadable(entry.path, entry.path, cause);
    } finally {
      await closeFile(descriptor);
    }
  });
}

async function openNamed(entry: ContextEntry, location: string): Promise<number> {
  try {
    return await openFile(location, READ_ONLY);
  } catch (cause) {
    throw unreadable(entry.path, entry.path, cause);
  }
}

/** Reads until the buffer is full or the file ends. Returns how much was read. */
async function fill(descriptor: number, buffer: Buffer): Promise<number> {
  let filled = 0;
  while (filled < buffer.length) {
    const bytes = await readFile(descriptor, buffer, filled);
    if (bytes === 0) break;
    filled += bytes;
  }
  return filled;
}

/** O2 */
async function checkUnchanged(descriptor: number, entry: ContextEntry, source: FileSource): Promise<void> {
  const stats = await statFile(descriptor);
  const same =
    stats.isFile() &&
    stats.dev === source.device &&
    stats.ino === source.inode &&
    stats.size === entry.size &&
    stats.mtimeMs === source.modified;
  if (!same) throw changed(entry);
}

export function changed({ path }: ContextEntry): Error {
  return fail("CONTEXT_INVALID", `${path} changed while it was read`, {
    details: { path },
    remedy: "Build again when nothing writes into the context, or ignore the file in .dockerignore.",
  });
}
