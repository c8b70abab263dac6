import JSON5 from "json5";
import { parse as parseYaml } from "yaml";
import type { MonorepoTool, NodePackageManager } from "../types.ts";
import { compileGlob } from "./glob.ts";
import { manifestNames } from "./manifest.ts";
import type { Manifest } from "./manifest.ts";
import { joinPath, nameOf, parentOf, relativeTo } from "./path.ts";
import type { SourceTree } from "./source-tree.ts";

/** A folder whose manifest or settings bind other modules to it. */
export interface Workspace {
  readonly folder: string;
  readonly tool: MonorepoTool;
  /** Module folders below it, relative to the repository. */
  readonly members: readonly string[];
  /** Whether the package manager installs the members together with the root; lerna, moon and rush only list them. */
  readonly isInstalledAsOne: boolean;
}

/** Folders with a manifest, in order. */
export function manifestFolders(tree: SourceTree): string[] {
  const names: readonly string[] = manifestNames;
  return [...new Set(tree.files.filter((file) => names.includes(nameOf(file))).map(parentOf))];
}

/** The workspace that a folder opens, or null. */
export async function readWorkspace(
  tree: SourceTree,
  folder: string,
  manifest: Manifest | null,
): Promise<Workspace | null> {
  const has = (name: string): boolean => tree.hasFile(joinPath(folder, name));
  const patterns = await readPatterns(tree, folder, manifest);
  const orchestrator = findOrchestrator(has, patterns !== null);
  if (patterns === null && orchestrator === null) return null;
  const members = patterns === null ? [] : findMembers(tree, folder, patterns);
  const isInstalledAsOne = manifest?.workspaces != null || tree.hasFile(joinPath(folder, "pnpm-workspace.yaml"));
  return { folder, tool: orchestrator ?? byPackageManager(tree, folder, manifest), members, isInstalledAsOne };
}

function findOrchestrator(has: (name: string) => boolean, hasPatterns: boolean): MonorepoTool | null {
  if (has("turbo.json") || has("turbo.jsonc")) return hasPatterns ? "turbo" : null;
  if (has("nx.json") || has("workspace.json")) return "nx";
  if (has(".moon/workspace.yml") || has(".moon/workspace.yaml")) return "moon";
  if (has("rush.json")) return "rush";
  return has("lerna.json") ? "lerna" : null;
}

function byPackageManager(tree: SourceTree, folder: string, manifest: Manifest | null): NodePackageManager {
  const has = (name: string): boolean => tree.hasFile(joinPath(folder, name));
  const declared = /^(npm|yarn|pnpm|bun)@/.exec(manifest?.packageManager ?? "")?.[1];
  if (declared !== undefined) return declared as NodePackageManager;
  if (has("pnpm-workspace.yaml")) return "pnpm";
  if (has("bun.lock") || has("bun.lockb")) return "bun";
  return has("yarn.lock") ? "yarn" : "npm";
}

async function readPatterns(tree: SourceTree, folder: string, manifest: Manifest | null): Promise<string[] | null> {
  const read = async (name: string): Promise<Record<string, unknown> | null> => {
    const text = tree.hasFile(joinPath(folder, name)) ? await tree.read(joinPath(folder, name)) : null;
    return text === null ? null : parseSettings(name, text);
  };
  const fromPnpm = (await read("pnpm-workspace.yaml"))?.["packages"];
  if (fromPnpm !== undefined) return texts(fromPnpm);
  if (manifest?.workspaces != null) return [...manifest.workspaces];
  const fromLerna = (await read("lerna.json"))?.["packages"];
  if (fromLerna !== undefined) return texts(fromLerna);
  const rush = (await read("rush.json"))?.["projects"];
  if (Array.isArray(rush))
    return rush.flatMap((project: unknown) => (isObject(project) ? texts([project["projectFolder"]]) : []));
  return moonPatterns((await read(".moon/workspace.yml"))?.["projects"]);
}

/** moon lists globs, a map from name to folder, or both. */
function moonPatterns(projects: unknown): string[] | null {
  if (Array.isArray(projects)) return texts(projects);
  if (!isObject(projects)) return null;
  const listed = [
    ...texts(projects["globs"]),
    ...(isObject(projects["sources"]) ? texts(Object.values(projects["sources"])) : []),
  ];
  return listed.length > 0 ? listed : texts(Object.values(projects));
}

/** A settings file that does not parse says nothing; whichever tool reads it will say so better. */
function parseSettings(name: string, text: string): Record<string, unknown> | null {
  try {
    const value: unknown = /\.ya?ml$/.test(name) ? parseYaml(text, { maxAliasCount: 100 }) : JSON5.parse(text);
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

function findMembers(tree: SourceTree, folder: string, patterns: readonly string[]): string[] {
  const expanded = patterns.slice(0, 500).flatMap((pattern) => expandBraces(pattern));
  const wanted = expanded.filter((pattern) => !pattern.startsWith("!")).map((pattern) => compileGlob(clean(pattern)));
  const unwanted = expanded
    .filter((pattern) => pattern.startsWith("!"))
    .map((pattern) => compileGlob(clean(pattern.slice(1))));
  return manifestFolders(tree).filter((candidate) => {
    if (candidate === folder || (folder !== "." && !candidate.startsWith(`${folder}/`))) return false;
    const path = relativeTo(folder, candidate);
    return wanted.some((glob) => glob.matches(path)) && !unwanted.some((glob) => glob.matches(path));
  });
}

function clean(pattern: string): string {
  return joinPath(pattern.replace(/\/+$/, ""));
}

/** `{a,b}` written out; nested and very many braces are left as they are. */
export function expandBraces(pattern: string): string[] {
  let patterns = [pattern];
  for (let round = 0; round < 4; round++) {
    const next = patterns.flatMap((text) => {
      const open = text.indexOf("{");
      const close = text.indexOf("}", open);
      if (open === -1 || close === -1) return [text];
      const choices = text.slice(open + 1, close).split(",");
      return choices.map((choice) => text.slice(0, open) + choice + text.slice(close + 1));
    });
    if (next.length > 100) return patterns;
    patterns = next;
  }
  return patterns;
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((entry) => typeof entry === "string") : [];
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
