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
import { realpath, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { fail } from "../errors.ts";
import type { AnalysisWarning } from "../types.ts";
import { defaultLimits, listFiles } from "./list-files.ts";
import type { Listing, TreeLimits } from "./list-files.ts";
import { byCodeUnit, depthOf, nameOf, parentOf } from "./path.ts";
import { existsInside, readText } from "./read-text.ts";

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
  const listing = await listFiles(root, bounds, signal);
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
