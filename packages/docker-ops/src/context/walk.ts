/**
 * Lists what a build context holds: what the docker CLI would send, and nothing from outside.
 *
 * - W1  Symbolic links are entries of their own and never followed, to files or to folders.
 * - W2  The order is fixed: a folder, then what is in it, names compared byte by byte. BuildKit wants this order, and an
 *       unchanged tree gives the same archive.
 * - W3  Sockets are left out, as the docker CLI does; FIFOs and devices cannot be sent and are an error.
 * - W4  The walk keeps its own stack: a deep tree costs no call stack.
 * - W5  A folder that is ignored is listed all the same when something in it is not.
 */
import type { Dirent } from "node:fs";
import { lstat, readdir, readlink, realpath } from "node:fs/promises";
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

interface OpenFolder {
  readonly children: readonly Dirent[];
  readonly path: string;
  next: number;
  /** Ignored itself: listed only once something in it is. */
  pending: boolean;
}

/** @throws CONTEXT_INVALID for what cannot be read or sent */
export async function* walkContext(
  root: string,
  rules: IgnoreRules,
  signal: AbortSignal,
): AsyncGenerator<ContextEntry, void> {
  const stack: OpenFolder[] = [await openFolder(root, "", false)];
  for (let folder = stack.at(-1); folder !== undefined; folder = stack.at(-1)) {
    const child = folder.children[folder.next];
    folder.next += 1;
    if (child === undefined) {
      stack.pop();
      continue;
    }
    signal.throwIfAborted();
    const path = folder.path === "" ? child.name : `${folder.path}/${child.name}`;
    const ignored = rules.ignores(path);
    if (!ignored) {
      yield* pendingFolders(root, stack);
      const entry = await describeEntry(root, path);
      if (entry !== null) yield entry;
    }
    if (child.isDirectory() && (!ignored || rules.mayReinclude)) stack.push(await openFolder(root, path, ignored));
  }
}

async function* pendingFolders(root: string, stack: readonly OpenFolder[]): AsyncGenerator<ContextEntry, void> {
  for (const folder of stack) {
    if (!folder.pending) continue;
    folder.pending = false;
    const entry = await describeEntry(root, folder.path);
    if (entry !== null) yield entry;
  }
}

async function openFolder(root: string, path: string, pending: boolean): Promise<OpenFolder> {
  const absolute = join(root, path);
  const shown = path === "" ? "." : path;
  let children: Dirent[];
  let real: string;
  try {
    children = await readdir(absolute, { withFileTypes: true });
    real = await realpath(absolute);
  } catch (cause) {
    throw fail("CONTEXT_INVALID", `the folder ${shown} of the build context cannot be read`, {
      cause,
      details: { path },
    });
  }
  // W1 A folder that was swapped for a link since it was listed would have shown what lies outside.
  if (real !== absolute) throw fail("CONTEXT_INVALID", `${shown} changed while it was read`, { details: { path } });
  children.sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)));
  return { children, path, next: 0, pending };
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
