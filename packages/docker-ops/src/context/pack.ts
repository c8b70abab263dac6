/**
 * Streams a build context as a tar archive, one file in memory at a time.
 *
 * - K1  A file is opened as `open-entry.ts` says: nothing from outside is read, whatever changes meanwhile.
 * - K2  Owner and time are fixed, so that an unchanged tree gives the same bytes.
 * - K3  A file that shrinks or grows while it is read fails the build: half a file is never sent as whole.
 */
import { pipeline } from "node:stream/promises";
import type { Readable } from "node:stream";
import { pack } from "tar-stream";
import type { Pack } from "tar-stream";
import type { IgnoreRules } from "./ignore.ts";
import { changed, openEntry } from "./open-entry.ts";
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

/** 1980-01-01: the earliest time that every archive format can hold. */
const FIXED_TIME = new Date(315_532_800_000);

/** The archive. An error while packing destroys the stream with that error. */
export function packContext(options: PackOptions): Readable {
  const archive = pack();
  fillArchive(archive, options).then(
    () => archive.finalize(),
    (error: unknown) => archive.destroy(error instanceof Error ? error : new Error("packing failed")),
  );
  return archive as unknown as Readable;
}

async function fillArchive(archive: Pack, { root, rules, replacements, signal, onEntry }: PackOptions): Promise<void> {
  for await (const entry of walkContext(root, rules, signal)) {
    const replacement = replacements?.get(entry.path);
    if (replacement !== undefined) await addText(archive, entry, replacement);
    else if (entry.type === "file") await addFile(archive, root, entry, signal);
    else await addHeader(archive, entry);
    onEntry?.(entry);
  }
}

function addHeader(archive: Pack, entry: ContextEntry): Promise<void> {
  return settle((done) => {
    const linkname = entry.target === undefined ? {} : { linkname: entry.target };
    archive.entry({ ...header(entry), type: entry.type === "symlink" ? "symlink" : "directory", ...linkname }, done);
  });
}

function addText(archive: Pack, entry: ContextEntry, text: string): Promise<void> {
  const content = Buffer.from(text);
  return settle((done) => archive.entry({ ...header(entry), type: "file", size: content.length }, content, done));
}

async function addFile(archive: Pack, root: string, entry: ContextEntry, signal: AbortSignal): Promise<void> {
  const file = await openEntry(root, entry);
  try {
    if (entry.size === 0) {
      await addText(archive, entry, "");
      return;
    }
    const sink = archive.entry({ ...header(entry), type: "file", size: entry.size });
    await pipeline(file.createReadStream({ start: 0, end: entry.size - 1, autoClose: false }), sink, { signal });
  } catch (error) {
    if (error instanceof Error && /size mismatch/i.test(error.message)) throw changed(entry);
    throw error;
  } finally {
    await file.close();
  }
}

function header(entry: ContextEntry): { name: string; mode: number; mtime: Date; uid: number; gid: number } {
  return { name: entry.path, mode: entry.mode, mtime: FIXED_TIME, uid: 0, gid: 0 };
}

function settle(start: (done: (error?: Error | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    start((error) => {
      if (error === undefined || error === null) resolve();
      else reject(error);
    });
  });
}
