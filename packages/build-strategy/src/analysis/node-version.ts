/**
 * Which Node a module wants, and who says so.
 *
 * - V1  The order is: explicit option, the manifest (engines.node, then volta.node), the tool files (.nvmrc, .node-version,
 *       .tool-versions, mise.toml) beside the module and then at its install root, the default.
 * - V2  A range says what is allowed, not what is wanted: a later source that lies inside it narrows it. One that lies
 *       outside is reported and loses.
 */
import semver from "semver";
import { fail } from "../errors.ts";
import type { AnalysisWarning } from "../types.ts";
import type { Manifest } from "./manifest.ts";
import { defaultMajor, endOfLife, longTermMajor, majorOfCodename, majorsByPreference } from "./node-releases.ts";
import { joinPath } from "./path.ts";
import type { SourceTree } from "./source-tree.ts";

/** The version that was chosen. */
export interface NodeVersion {
  /** A major, or the exact version that was pinned. */
  readonly value: string;
  readonly source: string;
  readonly major: number;
}

interface Wish {
  readonly text: string;
  readonly source: string;
  readonly file?: string;
}

interface Claim extends Wish {
  readonly range: semver.Range;
}

export interface NodeVersionInput {
  readonly tree: SourceTree;
  readonly module: { readonly folder: string; readonly manifest: Manifest };
  readonly root: { readonly folder: string; readonly manifest: Manifest };
  readonly explicit: string | undefined;
  readonly now: Date;
  readonly warnings: AnalysisWarning[];
}

/** Chooses the version (V1, V2). An explicit one that is no version is `INVALID_INPUT`. */
export async function resolveNodeVersion(input: NodeVersionInput): Promise<NodeVersion> {
  const { explicit, now, warnings } = input;
  if (explicit !== undefined) {
    const range = parseVersionText(explicit);
    if (range === null) {
      throw fail("INVALID_INPUT", `nodeVersion ${JSON.stringify(explicit)} is not a version of Node`, {
        remedy: "Write a major such as 24, a version such as 24.1.0, or a range such as >=22.",
      });
    }
    return choose([{ text: explicit, source: "option nodeVersion", range }], now, warnings);
  }
  const claims: Claim[] = [];
  for (const wish of await collectWishes(input)) {
    const range = parseVersionText(wish.text);
    if (range !== null) claims.push({ ...wish, range });
    else {
      const where = wish.file === undefined ? {} : { file: wish.file };
      const said = JSON.stringify(wish.text.slice(0, 60));
      warnings.push({
        code: "VERSION_UNREADABLE",
        message: `${wish.source} says ${said}, which is no version of Node.`,
        ...where,
      });
    }
  }
  return choose(claims, now, warnings);
}

async function collectWishes({ tree, module, root }: NodeVersionInput): Promise<Wish[]> {
  const wishes: Wish[] = [];
  for (const { folder, manifest } of module.folder === root.folder ? [module] : [module, root]) {
    const engines = manifest.engines["node"];
    if (engines !== undefined)
      wishes.push({ text: engines, source: `engines.node of ${manifest.file}`, file: manifest.file });
    if (manifest.voltaNode !== null) {
      wishes.push({ text: manifest.voltaNode, source: `volta.node of ${manifest.file}`, file: manifest.file });
    }
    wishes.push(...(await readToolFiles(tree, folder)));
  }
  // Manifests before tool files (V1); the sort is stable.
  return wishes.sort((a, b) => Number(isToolFile(a)) - Number(isToolFile(b)));
}

function isToolFile(wish: Wish): boolean {
  return wish.source === wish.file;
}

async function readToolFiles(tree: SourceTree, folder: string): Promise<Wish[]> {
  const readers: readonly (readonly [string, (text: string) => string | null])[] = [
    [".nvmrc", firstWord],
    [".node-version", firstWord],
    [".tool-versions", fromToolVersions],
    ["mise.toml", fromMise],
    [".mise.toml", fromMise],
  ];
  const wishes: Wish[] = [];
  for (const [name, reader] of readers) {
    const file = joinPath(folder, name);
    const text = tree.hasFile(file) ? await tree.read(file) : null;
    const said = text === null ? null : reader(text);
    if (said !== null) wishes.push({ text: said, source: file, file });
  }
  return wishes;
}

/** The first word of the first line that is neither empty nor a comment. */
function firstWord(text: string): string | null {
  for (const line of text.split(/\r?\n/)) {
    const said = line.split("#")[0]?.trim() ?? "";
    if (said !== "") return said.split(/\s/)[0] ?? null;
  }
  return null;
}

function fromToolVersions(text: string): string | null {
  for (const line of text.split(/\r?\n/)) {
    const [tool, version] = (line.split("#")[0] ?? "").trim().split(/\s+/);
    if ((tool === "nodejs" || tool === "node") && version !== undefined) return version;
  }
  return null;
}

/** `node = "22"`, `node = ["22"]` or `node = { version = "22" }` of the table `[tools]`. */
function fromMise(text: string): string | null {
  let table = "";
  for (const line of text.split(/\r?\n/)) {
    const trimmed = line.trim();
    if (trimmed.startsWith("[") && trimmed.includes("]")) table = trimmed.slice(1, trimmed.indexOf("]"));
    if (table !== "tools") continue;
    const [key, value] = [trimmed.slice(0, trimmed.indexOf("=")).trim(), trimmed.slice(trimmed.indexOf("=") + 1)];
    if (!["node", "nodejs", '"node"'].includes(key)) continue;
    return /["']([^"']{1,60})["']/.exec(value)?.[1] ?? null;
  }
  return null;
}

/** A version, a range or one of nvm's words as a range; null when it is none of these. */
function parseVersionText(text: string): semver.Range | null {
  const said = text.trim().toLowerCase();
  if (said === "" || said.length > 200) return null;
  const major = fromWord(said);
  if (major === null) return null;
  try {
    return new semver.Range(major === undefined ? said : `${major}.x`);
  } catch {
    return null;
  }
}

/** The major that a word stands for; null when the word is wrong, undefined when it is no word but a version. */
function fromWord(said: string): number | null | undefined {
  if (["node", "current", "latest", "stable", "lts", "lts/*"].includes(said)) return defaultMajor;
  if (!said.startsWith("lts/") && !said.startsWith("lts-")) return majorOfCodename(said);
  const name = said.slice("lts/".length);
  return (/^-\d$/.test(name) ? longTermMajor(Number(name.slice(1))) : majorOfCodename(name)) ?? null;
}

function choose(claims: readonly Claim[], now: Date, warnings: AnalysisWarning[]): NodeVersion {
  const [first, ...others] = claims;
  if (first === undefined) return { value: String(defaultMajor), source: "default", major: defaultMajor };
  const accepted = [first];
  for (const other of others) {
    if (pick([...accepted, other], now) !== null) accepted.push(other);
    else {
      warnings.push({
        code: "VERSION_DISAGREES",
        message: `${first.source} says ${first.text} and ${other.source} says ${other.text}; the first was followed.`,
        ...(other.file === undefined ? {} : { file: other.file }),
      });
    }
  }
  const major = pick(accepted, now) ?? semver.minVersion(first.range)?.major ?? defaultMajor;
  const ended = endOfLife(major, now);
  if (ended !== null) {
    const message = `Node ${major}, which ${first.source} asks for, gets no fixes since ${ended}; move to ${defaultMajor}.`;
    warnings.push({ code: "VERSION_END_OF_LIFE", message, ...(first.file === undefined ? {} : { file: first.file }) });
  }
  const exact = accepted.find((claim) => semver.valid(claim.text.trim()) !== null);
  const narrowing = accepted.slice(1).find((claim) => !semver.subset(first.range, claim.range));
  return {
    value: exact === undefined ? String(major) : (semver.valid(exact.text.trim()) ?? String(major)),
    source: `${first.source} (${first.text.trim()})${narrowing === undefined ? "" : `, narrowed by ${narrowing.source} (${narrowing.text})`}`,
    major,
  };
}

/** The best major that all claims allow, or null. */
function pick(claims: readonly Claim[], now: Date): number | null {
  for (const major of majorsByPreference(now)) {
    const line = new semver.Range(`${major}.x`);
    const common = claims.every((claim) => claim.range.intersects(line));
    if (common && pairsIntersect(claims)) return major;
  }
  return null;
}

function pairsIntersect(claims: readonly Claim[]): boolean {
  return claims.every((claim, index) => claims.slice(index + 1).every((other) => claim.range.intersects(other.range)));
}
