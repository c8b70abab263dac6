import { readdir, realpath, stat } from "node:fs/promises";
import type { Dirent } from "node:fs";
import { join } from "node:path";
import { fail } from "../errors.ts";
import type { AnalysisWarning } from "../types.ts";
import { byCodeUnit, joinPath } from "./path.ts";
import { isInside } from "./read-text.ts";

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

/** What a walk found. */
export interface Listing {
  readonly files: string[];
  readonly folders: Set<string>;
  readonly warnings: AnalysisWarning[];
}

/** How many folders are read at once. */
const AT_ONCE = 32;

/** Walks a folder: breadth first, in a fixed order, never through a link, and only so far. */
export async function listFiles(root: string, limits: TreeLimits, signal: AbortSignal | undefined): Promise<Listing> {
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
