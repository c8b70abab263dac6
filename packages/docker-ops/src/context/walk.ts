/**
 * Lists what a build context holds: what the docker CLI would send, and nothing from outside.
 *
 * - W1  Symbolic links are entries of their own and never followed, to files or to folders; a loop is a link like any.
 * - W2  The order is fixed: a folder, then what is in it, names compared byte by byte. BuildKit wants this order, and an
 *       unchanged tree gives the same archive.
 * - W3  Sockets are left out, as the docker CLI does. FIFOs and devices are an error: what a build would do with them is
 *       never what was meant. So is a name that is not UTF-8, which BuildKit's messages cannot carry. What is ignored is
 *       none of these errors.
 * - W4  The walk keeps its own stack: a deep tree costs no call stack, and at most `HELD` descriptors.
 * - W5  Folders are held as `held-folder.ts` says: a swap while we walk shows nothing from outside.
 * - W6  What vanishes between being listed and being described, a file or a folder, is an error: a context that changes
 *       under the build is not the one that was meant.
 * - W7  Thousands of patterns take their time for each path, and others have their turn meanwhile.
 * - W8  Hard links are files of their own; setuid, setgid and sticky bits are kept; owner and time are not sent.
 */
import { lstat, readdir, readlink } from "node:fs";
import type { Dirent, Stats } from "node:fs";
import { setImmediate as othersTurn } from "node:timers/promises";
import { promisify } from "node:util";
import { fail } from "../errors.ts";
import { childPath, holdChild, holdRoot } from "./held-folder.ts";
import type { HeldFolder } from "./held-folder.ts";
import type { IgnoreRules, Verdict } from "./ignore.ts";
import { unreadable } from "./unreadable.ts";

export interface ContextEntry {
  /** Relative to the context, with `/`. */
  readonly path: string;
  readonly type: "file" | "directory" | "symlink";
  /** Permission bits, setuid, setgid and sticky among them. */
  readonly mode: number;
  readonly size: number;
  /** Where a symbolic link points, as written. */
  readonly target?: string;
  /** Where a file was found, and which file it was: what is read must be that. */
  readonly source?: FileSource;
}

export interface FileSource {
  readonly folder: HeldFolder;
  readonly name: string;
  readonly device: number;
  readonly inode: number;
  /** Milliseconds since the epoch. */
  readonly modified: number;
}

/** Entries that are described at once. */
const BATCH = 64;
/** Folders that are kept open: those that the walk came through last. What is further up is opened again when needed. */
const HELD = 64;
/** Milliseconds that paths are judged without a break. */
const TURN_MS = 10;

// The callback functions cost half of what `fs/promises` does, and a context is many small calls.
const describe = promisify(lstat);
const list = promisify(readdir);
const target = promisify(readlink) as (path: string, encoding: "buffer") => Promise<Buffer>;

interface Child {
  readonly name: string;
  readonly path: string;
  readonly verdict: Verdict;
  readonly isFolder: boolean;
  /** Null for what is ignored or left out. */
  readonly entry: ContextEntry | null;
}

interface OpenFolder {
  readonly folder: HeldFolder;
  readonly verdict: Verdict | null;
  readonly children: readonly Dirent[];
  release: () => Promise<void>;
  /** The folder itself, where it is ignored and something in it may not be. */
  pending: ContextEntry | null;
  /** How many of the children were taken into a batch. */
  taken: number;
  batch: Child[];
}

interface Walk {
  readonly root: string;
  readonly rules: IgnoreRules;
  readonly signal: AbortSignal;
  readonly stack: OpenFolder[];
}

/** @throws CONTEXT_INVALID for what cannot be read or sent */
export async function* walkContext(
  root: string,
  rules: IgnoreRules,
  signal: AbortSignal,
): AsyncGenerator<ContextEntry, void> {
  const stack: OpenFolder[] = [];
  const walk: Walk = { root, rules, signal, stack };
  try {
    stack.push(await openFolder(holdRoot(root), null));
    for (let folder = stack.at(-1); folder !== undefined; folder = stack.at(-1)) {
      const child = folder.batch.shift();
      if (child === undefined) {
        signal.throwIfAborted();
        if (!(await nextBatch(walk, folder))) await stack.pop()?.release();
        continue;
      }
      if (child.entry !== null && !child.verdict.ignored) {
        yield* pendingFolders(stack);
        yield child.entry;
      }
      if (child.isFolder) await enterFolder(walk, folder, child);
    }
  } finally {
    for (const { release } of stack) await release();
  }
}

async function enterFolder(walk: Walk, { folder }: OpenFolder, child: Child): Promise<void> {
  const { ignored } = child.verdict;
  if (ignored && !walk.rules.entersIgnored(child.path)) return;
  const opened = await openFolder(holdChild(folder, child.name, walk.root), child.verdict);
  if (ignored && walk.rules.listsParents) opened.pending = child.entry;
  walk.stack.push(opened);
  const far = walk.stack.at(-1 - HELD);
  if (far === undefined) return;
  await far.release();
  far.release = released;
}

const released = () => Promise.resolve();

/** A folder that is ignored is listed all the same once something in it is. */
function* pendingFolders(stack: readonly OpenFolder[]): Generator<ContextEntry, void> {
  for (const folder of stack) {
    if (folder.pending === null) continue;
    yield folder.pending;
    folder.pending = null;
  }
}

async function openFolder(folder: HeldFolder, verdict: Verdict | null): Promise<OpenFolder> {
  const release = await folder.hold();
  try {
    const children = await folder.use((prefix) => listChildren(prefix));
    return { folder, verdict, children, release, pending: null, taken: 0, batch: [] };
  } catch (cause) {
    await release();
    throw unreadable(`the folder ${folder.path === "" ? "." : folder.path}`, folder.path, cause);
  }
}

/** W2 W3 */
async function listChildren(prefix: string): Promise<Dirent[]> {
  const children = await list(prefix, { withFileTypes: true });
  // Node puts U+FFFD for what is not UTF-8, and a file that has this character in its name is rare enough to look twice.
  if (children.some(({ name }) => name.includes("\uFFFD"))) {
    const names = await list(prefix, { encoding: "buffer" });
    for (const child of children) {
      const bytes = names.find((name) => name.toString("utf8") === child.name);
      if (bytes !== undefined && !Buffer.from(child.name).equals(bytes)) NOT_UTF8.set(child, escapeBytes(bytes));
    }
  }
  return sortByBytes(children);
}

/** Children whose name is not UTF-8, with the name as it can be shown. Whether it is ignored is asked later. */
const NOT_UTF8 = new WeakMap<Dirent, string>();

function escapeBytes(bytes: Buffer): string {
  const shown = [...bytes].map((byte) =>
    byte >= 0x20 && byte < 0x7f ? String.fromCodePoint(byte) : `\\x${byte.toString(16).padStart(2, "0")}`,
  );
  return shown.join("");
}

function sortByBytes(children: Dirent[]): Dirent[] {
  // UTF-16 order is byte order up to the surrogates, so only names beyond ASCII are compared as bytes.
  return children.sort((a, b) => {
    if (a.name === b.name) return 0;
    if (ASCII.test(a.name) && ASCII.test(b.name)) return a.name < b.name ? -1 : 1;
    return Buffer.compare(Buffer.from(a.name), Buffer.from(b.name));
  });
}

// oxlint-disable-next-line no-control-regex -- ASCII begins with control characters
const ASCII = /^[\0-\x7f]*$/;

/** Describes the next children; false when there are no more. */
async function nextBatch(walk: Walk, parent: OpenFolder): Promise<boolean> {
  const next = parent.children.slice(parent.taken, parent.taken + BATCH);
  if (next.length === 0) return false;
  parent.taken += next.length;
  const judged = await judgeAll(walk, parent, next);
  parent.batch = await parent.folder.use((prefix) =>
    Promise.all(
      judged.map(async ({ child, path, verdict, wanted }): Promise<Child> => {
        const { name } = child;
        if (!wanted) return { name, path, verdict, isFolder: false, entry: null };
        const shown = NOT_UTF8.get(child);
        if (shown !== undefined) throw notUtf8(childPath(parent.folder, shown));
        const entry = await describeEntry(parent.folder, prefix, name);
        return { name, path, verdict, isFolder: entry?.type === "directory", entry };
      }),
    ),
  );
  return true;
}

interface JudgedChild extends Pick<Child, "path" | "verdict"> {
  readonly child: Dirent;
  /** It is sent, or something below it may be. */
  readonly wanted: boolean;
}

/** W7 */
async function judgeAll(
  { rules, signal }: Walk,
  parent: OpenFolder,
  children: readonly Dirent[],
): Promise<readonly JudgedChild[]> {
  const judged: JudgedChild[] = [];
  let turnEnds = performance.now() + TURN_MS;
  for (const child of children) {
    const path = childPath(parent.folder, child.name);
    const verdict = rules.judge(path, parent.verdict);
    const wanted = !verdict.ignored || (child.isDirectory() && rules.entersIgnored(path));
    judged.push({ child, path, verdict, wanted });
    if (performance.now() < turnEnds) continue;
    await othersTurn();
    signal.throwIfAborted();
    turnEnds = performance.now() + TURN_MS;
  }
  return judged;
}

async function describeEntry(folder: HeldFolder, prefix: string, name: string): Promise<ContextEntry | null> {
  const path = childPath(folder, name);
  let stats: Stats;
  try {
    stats = await describe(prefix + name);
    if (stats.isSymbolicLink())
      return { path, type: "symlink", mode: 0o777, size: 0, target: utf8(await target(prefix + name, "buffer"), path) };
  } catch (cause) {
    throw unreadable(path, path, cause);
  }
  const mode = stats.mode & 0o7777;
  if (stats.isDirectory()) return { path, type: "directory", mode, size: 0 };
  if (stats.isFile()) {
    const { size, dev: device, ino: inode, mtimeMs: modified } = stats;
    return { path, type: "file", mode, size, source: { folder, name, device, inode, modified } };
  }
  if (stats.isSocket()) return null;
  throw fail("CONTEXT_INVALID", `${path} of the build context is a FIFO or a device and cannot be sent`, {
    details: { path },
  });
}

function utf8(bytes: Buffer, path: string): string {
  const text = bytes.toString("utf8");
  if (Buffer.from(text).equals(bytes)) return text;
  throw fail("CONTEXT_INVALID", `the link ${path} of the build context points to a name that is not UTF-8`, {
    details: { path },
  });
}

function notUtf8(shown: string): Error {
  return fail("CONTEXT_INVALID", `${shown} of the build context has a name that is not UTF-8`, {
    details: { path: shown },
    remedy: "Rename the file, or ignore it in .dockerignore.",
  });
}
