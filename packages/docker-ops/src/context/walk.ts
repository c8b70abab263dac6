/**
 * Lists what a build context holds: what the docker CLI would send, and nothing from outside.
 *
 * - W1  Symbolic links are entries of their own and never followed, to files or to folders.
 * - W2  The order is fixed (names compared by code unit), so that an unchanged tree gives the same archive.
 * - W3  Sockets are left out, as the docker CLI does; FIFOs and devices cannot be sent and are an error.
 * - W4  The walk is iterative: a deep tree costs no stack.
 */
import type { Dirent } from "node:fs";
import { lstat, readdir, readlink } from "node:fs/promises";
import { join } from "node:path";
import { fail } from "../errors.ts";
import type { IgnoreRules } from "./ignore.ts";

export interface ContextEntry {
  /** Relative to the context, with `/`. */
  readonly path: string;
  readonly type: "file" | "directory" | "symlink";
  /** Permission bits. */
  readonly mode: number;
  readonly size: number;
  /** Where a symbolic link points, as written. */
  readonly target?: string;
}

/** @throws CONTEXT_INVALID for what cannot be read or sent */
export async function* walkContext(
  root: string,
  rules: IgnoreRules,
  signal: AbortSignal,
): AsyncGenerator<ContextEntry, void> {
  const stack: string[] = [""];
  for (let folder = stack.pop(); folder !== undefined; folder = stack.pop()) {
    signal.throwIfAborted();
    const folders: string[] = [];
    for (const child of await readFolder(root, folder)) {
      const path = folder === "" ? child.name : `${folder}/${child.name}`;
      const ignored = rules.ignores(path);
      if (child.isDirectory() && (!ignored || rules.mayReinclude)) folders.push(path);
      if (ignored) continue;
      const entry = await describeEntry(root, path);
      if (entry !== null) yield entry;
    }
    stack.push(...folders.reverse());
  }
}

async function readFolder(root: string, folder: string): Promise<Dirent[]> {
  try {
    const children = await readdir(join(root, folder), { withFileTypes: true });
    return children.sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (cause) {
    throw fail("CONTEXT_INVALID", `the folder ${folder === "" ? "." : folder} of the build context cannot be read`, {
      cause,
      details: { path: folder },
    });
  }
}

async function describeEntry(root: string, path: string): Promise<ContextEntry | null> {
  const absolute = join(root, path);
  try {
    const stats = await lstat(absolute);
    const mode = stats.mode & 0o7777;
    if (stats.isSymbolicLink())
      return { path, type: "symlink", mode: 0o777, size: 0, target: await readlink(absolute) };
    if (stats.isDirectory()) return { path, type: "directory", mode, size: 0 };
    if (stats.isFile()) return { path, type: "file", mode, size: stats.size };
    if (stats.isSocket()) return null;
  } catch (cause) {
    throw fail("CONTEXT_INVALID", `${path} of the build context cannot be read`, { cause, details: { path } });
  }
  throw fail("CONTEXT_INVALID", `${path} of the build context is a FIFO or a device and cannot be sent`, {
    details: { path },
  });
}
