/**
 * A repository as the analysis sees it: the names of its files, and their texts on request.
 *
 * - T1  Nothing outside the root is read: folders that are symbolic links are not entered, and a file that is one is
 *       listed only when it ends inside the root.
 * - T2  The walk is iterative, breadth first, and ends: at most {@link TreeLimits.entries} entries and {@link TreeLimits.depth} levels.
 *       Shallow files come first, so a cut never hides the manifest at the root.
 * - T3  The order is by code unit, the same on every machine.
 * - T4  A file is read at most once, never beyond the size cap, and never when it is a pipe or a device.
 */
import { constants } from "node:fs";
import { lstat, open, readdir, realpath, stat } from "node:fs/promises";
import type { Dirent } from "node:fs";
import { join, resolve, sep } from "node:path";
import { fail } from "../errors.ts";
import type { AnalysisWarning } from "../types.ts";
import { byCodeUnit, depthOf, joinPath, nameOf, parentOf } from "./path.ts";

/** Where the walk stops. */
export interface TreeLimits {
  readonly entries: number;
  readonly depth: number;
  /** The largest file that is read, in bytes. */
  readonly fileBytes: number;
}

export const defaultLimits: TreeLimits = { entries: 50_000, depth: 32, fileBytes: 1024 * 1024 };

/** Folders whose contents are made by tools or belong to somebody else. */
const notEntered = new Set(
  [
    "node_modules bower_components vendor .git .hg .svn .yarn .pnpm-store .cache dist build out target",
    ".next .nuxt .output .svelte-kit .astro .turbo .nx .vercel coverage .nyc_output __pycache__ .venv",
    "venv .tox .gradle .idea .expo .angular",
  ].flatMap((line) => line.split(" ")),
);

export interface SourceTree {
  /** Absolute, with symbolic links resolved. */
  readonly root: string;
  /** Every file, relative, in order. */
  readonly files: readonly string[];
  readonly warnings: readonly AnalysisWarning[];
  /** Whether a file of that name was listed. */
  hasFile(path: string): boolean;
  /** Whether a folder of that name was listed, entered or not. */
  hasFolder(path: string): boolean;
  /** Names of the files of one folder. */
  filesIn(folder: string): readonly string[];
  /** Names of the folders of one folder. */
  foldersIn(folder: string): readonly string[];
  /** Whether the path exists, also below folders that were not entered. */
  exists(path: string): Promise<boolean>;
  /** The text of a file without a byte order mark, or null when it is absent, too large or unreadable. */
  read(path: string): Promise<string | null>;
  /** The beginning of a file of any size. */
  readHead(path: string, bytes: number): Promise<string | null>;
}

export interface OpenTreeOptions {
  readonly limits?: Partial<TreeLimits>;
  readonly signal?: AbortSignal;
}

/** Lists a repository. Throws `NOT_FOUND`, `INVALID_INPUT` or `CANCELLED`. */
export async function openTree(path: string, { limits, signal }: OpenTreeOptions = {}): Promise<SourceTree> {
  const bounds = { ...defaultLimits, ...limits };
  const root = await openRoot(path);
  const listing = await list(root, bounds, signal);
  return createTree(root, listing, bounds);
}

async function openRoot(path: string): Promise<string> {
  if (path === "" || path.includes("\0")) {
    throw fail("INVALID_INPUT", "the path of the repository is empty or holds a NUL character", {
      remedy: "Name the folder of the repository.",
    });
  }
  try {
    const root = await realpath(resolve(path));
    const stats = await stat(root);
    if (stats.isDirectory()) return root;
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
    if (code === "ENOENT" || code === "ENOTDIR")
      throw fail("NOT_FOUND", `${path} does not exist`, { cause, details: { path } });
    throw fail("INVALID_INPUT", `${path} cannot be opened (${String(code)})`, {
      cause,
      details: { path },
      remedy: "Give this user the right to read the folder, or name another one.",
    });
  }
  throw fail("INVALID_INPUT", `${path} is not a folder`, {
    details: { path },
    remedy: "Name the folder of the repository.",
  });
}

interface Listing {
  readonly files: string[];
  readonly folders: Set<string>;
  readonly warnings: AnalysisWarning[];
}

/** How many folders are read at once. */
const AT_ONCE = 32;

async function list(root: string, limits: TreeLimits, signal: AbortSignal | undefined): Promise<Listing> {
  const listing: Listing = { files: [], folders: new Set(["."]), warnings: [] };
  let level = ["."];
  let left = limits.entries;
  for (let depth = 0; level.length > 0; depth++) {
    const next: string[] = [];
    for (let from = 0; from < level.length; from += AT_ONCE) {
      if (signal?.aborted === true) throw fail("CANCELLED", "the analysis was cancelled", { cause: signal.reason });
      const batch = level.slice(from, from + AT_ONCE);
      const contents = await Promise.all(batch.map((folder) => readFolder(root, folder, listing)));
      for (const [index, entries] of contents.entries()) {
        const kept = entries.slice(0, left);
        left -= kept.length;
        await sortInto(listing, { root, folder: batch[index] ?? ".", entries: kept, next });
        if (kept.length < entries.length) return truncate(listing, `more than ${limits.entries} files`);
      }
    }
    if (depth >= limits.depth && next.length > 0)
      return truncate(listing, `folders deeper than ${limits.depth} levels`);
    level = next;
  }
  return listing;
}

function truncate(listing: Listing, what: string): Listing {
  listing.warnings.push({
    code: "TREE_TRUNCATED",
    message: `The repository has ${what}; what lies beyond, the deepest first, was not looked at.`,
  });
  return listing;
}

async function readFolder(root: string, folder: string, listing: Listing): Promise<Dirent[]> {
  try {
    const entries = await readdir(join(root, folder), { withFileTypes: true });
    return entries.sort((a, b) => byCodeUnit(a.name, b.name));
  } catch {
    listing.warnings.push({ code: "FILE_UNREADABLE", message: `The folder ${folder} cannot be read.`, file: folder });
    return [];
  }
}

interface FolderContents {
  readonly root: string;
  readonly folder: string;
  readonly entries: readonly Dirent[];
  readonly next: string[];
}

async function sortInto(listing: Listing, { root, folder, entries, next }: FolderContents): Promise<void> {
  for (const entry of entries) {
    const path = joinPath(folder, entry.name);
    if (entry.isFile()) listing.files.push(path);
    else if (entry.isDirectory()) {
      listing.folders.add(path);
      if (!notEntered.has(entry.name)) next.push(path);
    } else if (entry.isSymbolicLink()) await addLink(listing, root, path);
  }
}

/** (T1) */
async function addLink(listing: Listing, root: string, path: string): Promise<void> {
  try {
    const target = await realpath(join(root, path));
    if (!isInside(root, target)) {
      listing.warnings.push({
        code: "LINK_OUTSIDE",
        message: `${path} leads out of the repository and was left out.`,
        file: path,
      });
    } else if ((await stat(target)).isFile()) listing.files.push(path);
  } catch {
    // A dangling link names nothing that could be analysed.
  }
}

/** Whether an absolute path lies in an absolute folder; both without symbolic links. */
export function isInside(root: string, path: string): boolean {
  return path === root || path.startsWith(root.endsWith(sep) ? root : root + sep);
}

function createTree(root: string, listing: Listing, limits: TreeLimits): SourceTree {
  const files = listing.files.sort((a, b) => depthOf(a) - depthOf(b) || byCodeUnit(a, b));
  const known = new Set(files);
  const filesByFolder = groupByFolder(files);
  const foldersByFolder = groupByFolder([...listing.folders].filter((folder) => folder !== ".").sort(byCodeUnit));
  const texts = new Map<string, Promise<string | null>>();
  const read = (path: string): Promise<string | null> => {
    const started = texts.get(path) ?? readText({ root, path, limit: limits.fileBytes, warnings: listing.warnings });
    texts.set(path, started);
    return started;
  };
  return {
    root,
    files,
    warnings: listing.warnings,
    hasFile: (path) => known.has(path),
    hasFolder: (path) => listing.folders.has(path),
    filesIn: (folder) => filesByFolder.get(folder) ?? [],
    foldersIn: (folder) => foldersByFolder.get(folder) ?? [],
    exists: async (path) => known.has(path) || listing.folders.has(path) || (await existsInside(root, path)),
    read,
    readHead: (path, bytes) => readText({ root, path, limit: bytes, warnings: [], cut: true }),
  };
}

function groupByFolder(paths: readonly string[]): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const path of paths) {
    const folder = parentOf(path);
    const group = groups.get(folder);
    if (group === undefined) groups.set(folder, [nameOf(path)]);
    else group.push(nameOf(path));
  }
  return groups;
}

async function existsInside(root: string, path: string): Promise<boolean> {
  try {
    await lstat(join(root, path));
    return isInside(root, await realpath(join(root, path)));
  } catch {
    return false;
  }
}

interface Reading {
  readonly root: string;
  readonly path: string;
  readonly limit: number;
  readonly warnings: AnalysisWarning[];
  readonly cut?: boolean;
}

/** (T1) (T4) */
async function readText({ root, path, limit, warnings, cut = false }: Reading): Promise<string | null> {
  try {
    const target = await realpath(join(root, path));
    if (!isInside(root, target)) return null;
    const file = await open(target, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const stats = await file.stat();
      if (!stats.isFile()) return null;
      if (stats.size > limit && !cut) {
        warnings.push({
          code: "FILE_TOO_LARGE",
          message: `${path} is larger than ${limit} bytes and was not read.`,
          file: path,
        });
        return null;
      }
      const buffer = Buffer.alloc(Math.min(stats.size, limit));
      const { bytesRead } = await file.read(buffer, 0, buffer.length, 0);
      return buffer.toString("utf8", 0, bytesRead).replace(/^\uFEFF/, "");
    } finally {
      await file.close();
    }
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code !== "ENOENT" && code !== "ENOTDIR") {
      warnings.push({ code: "FILE_UNREADABLE", message: `${path} cannot be read (${String(code)}).`, file: path });
    }
    return null;
  }
}
