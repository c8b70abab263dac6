/**
 * What `.dockerignore` leaves out of the context, as the docker CLI reads it.
 *
 * - I1  `<Dockerfile>.dockerignore` beside the Dockerfile wins over `.dockerignore` at the root.
 * - I2  There are two dialects, because docker has two senders. They read patterns alike and differ in what happens below
 *       a folder that is ignored while there are `!` patterns. The archive (moby archive) looks into it only where a `!`
 *       pattern begins with its path, and does not list the folder. BuildKit (fsutil) looks into it also where a `!`
 *       pattern has wildcards, and lists the folder once something in it is wanted.
 * - I3  The archive holds the Dockerfile and the ignore file whatever the patterns say: the classic builder looks for
 *       them there. With BuildKit they travel on their own.
 * - I4  A pattern that cannot be read is an error that names its line, as with the CLI.
 */
import { join, posix } from "node:path";
import { setImmediate as othersTurn } from "node:timers/promises";
import { fail } from "../errors.ts";
import { compilePattern } from "./ignore-pattern.ts";
import type { IgnorePattern } from "./ignore-pattern.ts";
import { readTextFile } from "./read-text-file.ts";

/** What the patterns say to one path. */
export interface Verdict {
  readonly ignored: boolean;
  /** Of each pattern, whether it matches the path or a folder above; empty where there are no patterns. */
  readonly matched: readonly boolean[];
}

export interface IgnoreRules {
  /**
   * @param path relative to the context, with `/`
   * @param parent the verdict on the folder that it is in; null at the root
   */
  judge(path: string, parent: Verdict | null): Verdict;
  /** Whether something below an ignored folder may be wanted after all. */
  entersIgnored(path: string): boolean;
  /** Whether an ignored folder is listed once something below it is wanted. */
  readonly listsParents: boolean;
}

const LARGEST = 1024 * 1024;
/** Go's `bufio.Scanner`, with which the CLI reads the file, takes no longer line. */
const LONGEST_LINE = 64 * 1024;
/** So many lines are read without others having their turn. */
const TURN_LINES = 500;

export interface IgnoreOptions {
  /** Sends the Dockerfile and the ignore file whatever the patterns say, for a builder that looks for them in the context. */
  readonly keepBuilderFiles: boolean;
}

/** @throws CONTEXT_INVALID for a file that cannot be read, and for a pattern that cannot be understood */
export async function readIgnoreRules(
  root: string,
  dockerfile: string,
  { keepBuilderFiles }: IgnoreOptions,
): Promise<IgnoreRules> {
  for (const file of [`${dockerfile}.dockerignore`, ".dockerignore"]) {
    const text = await readIfPresent(join(root, file));
    if (text === null) continue;
    const patterns = await readPatterns(text, file);
    return keepBuilderFiles ? archiveRules(patterns, [file, dockerfile]) : buildkitRules(patterns);
  }
  return buildkitRules([]);
}

async function readPatterns(text: string, file: string): Promise<IgnorePattern[]> {
  const patterns: IgnorePattern[] = [];
  for (const [index, line] of text
    .replace(/^\uFEFF/, "")
    .split("\n")
    .entries()) {
    if (index % TURN_LINES === TURN_LINES - 1) await othersTurn();
    try {
      if (Buffer.byteLength(line) >= LONGEST_LINE) throw new SyntaxError("a line that is too long");
      const cleaned = cleanLine(line);
      if (cleaned !== "") patterns.push(compilePattern(cleaned));
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : "";
      throw fail("CONTEXT_INVALID", `line ${index + 1} of ${file} is no pattern: it has ${reason}`, {
        cause,
        details: { path: file, line: index + 1 },
        remedy: "Mend the pattern; a backslash takes a special character literally.",
      });
    }
  }
  return patterns;
}

/** The pattern of a line, or nothing. A comment begins in the first column; what is trimmed first is a pattern. */
function cleanLine(line: string): string {
  if (line.startsWith("#")) return "";
  const trimmed = trim(line);
  if (trimmed === "") return "";
  const exclusion = trimmed.startsWith("!");
  const pattern = exclusion ? trim(trimmed.slice(1)) : trimmed;
  const cleaned = pattern === "" ? "" : cleanPath(pattern).replace(/^\/(?=.)/, "");
  // moby cleans twice, the second time together with the `!` and after trimming.
  return cleanPath(trim(exclusion ? `!${cleaned}` : cleaned));
}

/** Go's `filepath.Clean` on Linux. */
function cleanPath(path: string): string {
  return posix.normalize(path).replace(/(?<=.)\/$/, "");
}

/** White space as Go knows it, which is not what `trim()` removes. */
const SPACE = "[\\t\\n\\v\\f\\r \\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]+";
const AROUND = new RegExp(`^${SPACE}|${SPACE}$`, "g");

function trim(text: string): string {
  return text.replace(AROUND, "");
}

/** I2 I3 */
function archiveRules(patterns: readonly IgnorePattern[], builderFiles: readonly string[]): IgnoreRules {
  const all = [...patterns];
  // As the CLI does, by a `!` pattern for each; ours takes a name with wildcards literally.
  for (const file of builderFiles)
    if (matchesAlone(all, file)) all.push({ text: file, exclusion: true, matches: (path) => path === file });
  const exceptions = all.filter(({ exclusion }) => exclusion).map(({ text }) => `${text}/`);
  return {
    judge: (path, parent) => judge(all, path, parent),
    entersIgnored: (path) => exceptions.some((text) => text.startsWith(`${path}/`)),
    listsParents: false,
  };
}

/** I2 */
function buildkitRules(patterns: readonly IgnorePattern[]): IgnoreRules {
  const exceptions = patterns
    .filter(({ exclusion }) => exclusion)
    .map(({ text }) => text.replace(/\/\*\*$/, "").replace(/\/\*$/, ""));
  const anywhere = exceptions.some((text) => /[*[\]?^\\]/.test(text));
  return {
    judge: (path, parent) => judge(patterns, path, parent),
    entersIgnored: (path) => anywhere || exceptions.some((text) => `${text}/`.startsWith(`${path}/`)),
    listsParents: true,
  };
}

/** moby `PatternMatcher.MatchesUsingParentResults`, with what it skips: later patterns see what earlier ones did. */
function judge(patterns: readonly IgnorePattern[], path: string, parent: Verdict | null): Verdict {
  let ignored = false;
  const matched: boolean[] = [];
  for (const [index, pattern] of patterns.entries()) {
    const matches =
      parent?.matched[index] === true || (pattern.exclusion === ignored && matchesWithParents(pattern, path, parent));
    matched.push(matches);
    if (matches) ignored = !pattern.exclusion;
  }
  return { ignored, matched };
}

function matchesWithParents(pattern: IgnorePattern, path: string, parent: Verdict | null): boolean {
  if (pattern.matches(path)) return true;
  // What the folders above say is known, save for a path whose parent was not judged.
  return parent === null && foldersAbove(path).some((folder) => pattern.matches(folder));
}

function foldersAbove(path: string): string[] {
  const parts = path.split("/");
  return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join("/"));
}

/** moby `Matches`, which looks at one folder above only: as many parts as the pattern has. */
function matchesAlone(patterns: readonly IgnorePattern[], path: string): boolean {
  let ignored = false;
  const parts = path.split("/");
  for (const pattern of patterns) {
    if (pattern.exclusion !== ignored) continue;
    const depth = pattern.text.split("/").length;
    const above = depth < parts.length && pattern.matches(parts.slice(0, depth).join("/"));
    if (pattern.matches(path) || above) ignored = !pattern.exclusion;
  }
  return ignored;
}

async function readIfPresent(path: string): Promise<string | null> {
  try {
    return await readTextFile(path, LARGEST);
  } catch (error) {
    if (error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR")) return null;
    const reason = error instanceof Error ? `: ${error.message}` : "";
    throw fail("CONTEXT_INVALID", `${path} cannot be read${reason}`, { cause: error, details: { path } });
  }
}
