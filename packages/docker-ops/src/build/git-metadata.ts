/**
 * Tells a repository's origin and commit by reading its `.git` files (gitrepository-layout, git-config).
 *
 * - V1  Git itself is never run: an untrusted repository's configuration can name programs that git would execute.
 * - V2  Only ordinary files of bounded size are read, and only inside the repository's own git folder, wherever links
 *       or a `gitdir:` line point; a folder of another user is not read at all, as git itself refuses it.
 * - V3  What is given out has the form of a commit or of a URL without user, password and query: no other byte of what
 *       was read can leave.
 * - V4  Whatever is missing or odd means "not known", never a failure of the build.
 */
import { constants } from "node:fs";
import type { Stats } from "node:fs";
import { open, realpath, stat } from "node:fs/promises";
import { dirname, isAbsolute, join, relative, resolve, sep } from "node:path";

export interface GitMetadata {
  /** The remote `origin` as an https URL that anyone can open. */
  readonly source?: string;
  /** The commit that is checked out. */
  readonly revision?: string;
}

/** packed-refs of a large repository has some megabytes. */
const LARGEST_FILE = 16 * 1024 * 1024;

const COMMIT = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;

/** A ref points to a ref at most so often before it is taken for a circle. */
const MOST_HOPS = 5;

/** Where a repository keeps its things: a worktree has its own HEAD and shares the rest. */
interface GitFolders {
  readonly own: string;
  readonly common: string;
}

/**
 * Looks from the folder upwards, not beyond the roots where some are given.
 *
 * @param folder absolute, with every symbolic link resolved
 */
export async function readGitMetadata(folder: string, roots?: readonly string[]): Promise<GitMetadata> {
  const allowed = roots === undefined ? null : await Promise.all(roots.map((root) => realpath(root).catch(() => root)));
  const isAllowed = (path: string) => allowed === null || allowed.some((root) => isWithin(root, path));
  for (let at = folder; isAllowed(at); at = dirname(at)) {
    const entry = join(at, ".git");
    const stats = await stat(entry).catch(() => null);
    if (stats !== null) {
      const folders = await findFolders(entry, stats);
      if (folders === null || !isAllowed(folders.own) || !isAllowed(folders.common)) return {};
      const [source, revision] = await Promise.all([readOrigin(folders), readCommit(folders)]);
      return { ...(source === null ? {} : { source }), ...(revision === null ? {} : { revision }) };
    }
    if (dirname(at) === at) break;
  }
  return {};
}

function isWithin(root: string, path: string): boolean {
  const inside = relative(root, path);
  return inside !== ".." && !inside.startsWith(`..${sep}`) && !isAbsolute(inside);
}

function isOurs({ uid }: Stats): boolean {
  return process.getuid === undefined || uid === process.getuid();
}

async function findFolders(entry: string, stats: Stats): Promise<GitFolders | null> {
  if (!isOurs(stats)) return null;
  const own = stats.isDirectory() ? await realpath(entry).catch(() => null) : await followGitFile(entry);
  if (own === null) return null;
  const shared = (await readGitFile(own, "commondir"))?.trim();
  if (shared === undefined) return { own, common: own };
  const common = await realpath(resolve(own, shared)).catch(() => null);
  // A worktree's folder is `worktrees/<name>` of the one it shares.
  if (common === null || dirname(own) !== join(common, "worktrees") || !(await isOurFolder(common))) return null;
  return { own, common };
}

/** The folder that a `.git` file names, where that folder agrees: a planted file must not open any repository there is. */
async function followGitFile(entry: string): Promise<string | null> {
  const named = /^gitdir: ([^\n]+)\n?$/.exec((await readGitFile(dirname(entry), ".git")) ?? "")?.[1];
  if (named === undefined) return null;
  const own = await realpath(resolve(dirname(entry), named.trimEnd())).catch(() => null);
  if (own === null || !(await isOurFolder(own))) return null;
  const back = (await readGitFile(own, "gitdir"))?.trim();
  if (back !== undefined) {
    const agreed = await realpath(resolve(own, back)).catch(() => null);
    return agreed === (await realpath(entry).catch(() => null)) ? own : null;
  }
  // A submodule's folder lies in the git folder of a repository around it.
  const around = own.split("/.git/modules/", 1)[0] ?? own;
  return around !== own && isWithin(around, entry) ? own : null;
}

async function isOurFolder(path: string): Promise<boolean> {
  const stats = await stat(path).catch(() => null);
  return stats !== null && stats.isDirectory() && isOurs(stats);
}

async function readCommit({ own, common }: GitFolders): Promise<string | null> {
  let text = (await readGitFile(own, "HEAD"))?.trim();
  for (let hop = 0; hop < MOST_HOPS && text !== undefined; hop += 1) {
    if (COMMIT.test(text)) return text;
    const ref = /^ref: (refs\/[\w./+@-]{1,250})$/.exec(text)?.[1];
    if (ref === undefined || ref.split("/").includes("..")) return null;
    text =
      (await readGitFile(own, ref))?.trim() ??
      (await readGitFile(common, ref))?.trim() ??
      packedRef((await readGitFile(common, "packed-refs")) ?? "", ref);
  }
  return null;
}

function packedRef(packed: string, ref: string): string | undefined {
  const end = packed.indexOf(` ${ref}\n`);
  if (end === -1) return undefined;
  return packed.slice(packed.lastIndexOf("\n", end) + 1, end);
}

async function readOrigin({ common }: GitFolders): Promise<string | null> {
  const config = (await readGitFile(common, "config")) ?? "";
  let inOrigin = false;
  for (const line of config.split("\n")) {
    const section = /^\s{0,80}\[([^\]]{1,200})\]/.exec(line)?.[1];
    if (section !== undefined) inOrigin = /^remote\s+"origin"$/i.test(section.trim());
    const url = inOrigin ? /^\s{0,80}url\s{0,80}=(.{1,2000})$/i.exec(line)?.[1] : undefined;
    if (url !== undefined) return publicUrl(url.trim().replace(/^"(.*)"$/, "$1"));
  }
  return null;
}

/**
 * The address of a remote as a person would open it; null for a path of this machine and for what is no address.
 * `git@host:org/repo.git` and `ssh://git@host:22/org/repo.git` are `https://host/org/repo`.
 */
export function publicUrl(remote: string): string | null {
  const short = /^(?:[^@/\s]{1,200}@)?([\w-]+(?:\.[\w-]+)+|localhost):(?!\/\/)\/?(\S{1,1000})$/.exec(remote);
  const text = short === null ? remote : `ssh://${short[1]}/${short[2]}`;
  if (!URL.canParse(text)) return null;
  const { protocol, hostname, host, pathname } = new URL(text);
  if (!["https:", "http:", "ssh:", "git:", "git+ssh:"].includes(protocol) || hostname === "") return null;
  const path = pathname.replace(/\/{1,10}$/, "").replace(/\.git$/, "");
  if (path === "") return null;
  // The port of ssh is not that of the web site.
  return protocol === "https:" || protocol === "http:" ? `${protocol}//${host}${path}` : `https://${hostname}${path}`;
}

/** The text of an ordinary file in a git folder; undefined where it is missing, of another user, or elsewhere (V2). */
async function readGitFile(folder: string, name: string): Promise<string | undefined> {
  const path = join(folder, name);
  try {
    if ((await realpath(path)) !== path) return undefined;
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const stats = await file.stat();
      if (!stats.isFile() || stats.size > LARGEST_FILE || !isOurs(stats)) return undefined;
      return await file.readFile("utf8");
    } finally {
      await file.close();
    }
  } catch {
    return undefined;
  }
}
