/** Looks over a whole repository: its workspace, its modules, what else is in it. */
import { fail } from "../errors.ts";
import type { AnalysisWarning, MonorepoTool, RepositoryAnalysis, SeenPlatform, SourceModule } from "../types.ts";
import { findExisting } from "./existing.ts";
import { findFramework, serverFrameworks } from "./framework.ts";
import { readManifest } from "./manifest.ts";
import type { Manifest } from "./manifest.ts";
import { describeNodeModule } from "./node-module.ts";
import type { MemberManifest } from "./module-readings.ts";
import { byCodeUnit, depthOf, joinPath, parentOf } from "./path.ts";
import { findPlatforms, platformOverNode } from "./platforms.ts";
import { openTree } from "./source-tree.ts";
import type { SourceTree, TreeLimits } from "./source-tree.ts";
import { manifestFolders, readWorkspace } from "./workspace.ts";
import type { Workspace } from "./workspace.ts";

export interface AnalyzeOptions {
  /** Look at this module only; a folder relative to the root. */
  readonly module?: string;
  /** The Node version to use, before everything that the repository says. */
  readonly nodeVersion?: string;
  readonly signal?: AbortSignal;
  /** The clock, for end-of-life dates. Default: now. */
  readonly now?: Date;
  readonly limits?: Partial<TreeLimits>;
}

/** An analysis whose `modules` is empty where nothing is supported, with the tree it was made from. */
export interface Survey {
  readonly tree: SourceTree;
  readonly analysis: RepositoryAnalysis;
  /** Folders with a Node manifest that were not taken as modules, because their repository is of another platform. */
  readonly nodeFolders: readonly string[];
}

/** More modules than this are not described. */
const MOST_MODULES = 200;

const inTests =
  /(^|\/)(tests?|__\w+__|fixtures?|spec|e2e|examples?|samples?|demos?|templates?|docs?|benchmarks?)(\/|$)/;

/** Surveys a repository. Throws `NOT_FOUND`, `INVALID_INPUT` or `CANCELLED`, never `UNSUPPORTED`. */
export async function survey(path: string, options: AnalyzeOptions = {}): Promise<Survey> {
  const tree = await openTree(path, {
    ...pickDefined("limits", options.limits),
    ...pickDefined("signal", options.signal),
  });
  const warnings: AnalysisWarning[] = [];
  const wanted = options.module === undefined ? null : cleanModule(tree, options.module);
  const found = await findModules(tree, wanted, warnings);
  const existing = findExisting(tree);
  const modules: SourceModule[] = [];
  const now = options.now ?? new Date();
  for (const { folder, manifest } of found.members) {
    if (options.signal?.aborted === true)
      throw fail("CANCELLED", "the analysis was cancelled", { cause: options.signal.reason });
    const install = installRoot(found, { folder, manifest });
    const otherModules = found.members.map((member) => member.folder);
    modules.push(
      await describeNodeModule({
        tree,
        folder,
        manifest,
        install,
        otherModules,
        existing,
        nodeVersion: options.nodeVersion,
        now,
        warnings,
      }),
    );
  }
  const analysis: RepositoryAnalysis = {
    root: tree.root,
    modules,
    monorepo: found.tool === null ? null : { tool: found.tool },
    existing,
    seen: found.seen,
    warnings: settle([...tree.warnings, ...warnings]),
  };
  return { tree, analysis, nodeFolders: found.nodeFolders };
}

function pickDefined<Key extends string, Value>(key: Key, value: Value | undefined): { [K in Key]?: Value } {
  return value === undefined ? {} : ({ [key]: value } as { [K in Key]: Value });
}

function cleanModule(tree: SourceTree, said: string): string {
  const folder = joinPath(said);
  if (said.startsWith("/") || said.includes("\0") || folder.startsWith("..")) {
    throw fail("INVALID_INPUT", `module ${JSON.stringify(said)} is not a folder inside the repository`, {
      remedy: "Name the module by its folder relative to the repository, such as apps/web.",
    });
  }
  if (!tree.hasFolder(folder))
    throw fail("NOT_FOUND", `the repository has no folder ${folder}`, { details: { module: folder } });
  return folder;
}

interface Found {
  readonly tool: MonorepoTool | null;
  readonly workspaces: readonly (Workspace & { readonly manifest: Manifest })[];
  /** All manifests of workspaces, and the modules to describe. */
  readonly manifests: ReadonlyMap<string, Manifest>;
  readonly members: readonly MemberManifest[];
  readonly seen: readonly SeenPlatform[];
  readonly nodeFolders: readonly string[];
}

async function findModules(tree: SourceTree, wanted: string | null, warnings: AnalysisWarning[]): Promise<Found> {
  const folders = manifestFolders(tree);
  const seen = seenPlatforms(tree, folders);
  const manifests = new Map<string, Manifest>();
  const workspaces: (Workspace & { manifest: Manifest })[] = [];
  const tools: MonorepoTool[] = [];
  const byOther = await rootOfOtherPlatform(tree, folders);
  const nodeFolders = folders.filter((folder) => folder !== ".");
  const none = { tool: null, workspaces, manifests, members: [], seen, nodeFolders };
  if (byOther !== null && wanted === null) return none;
  // The root is looked at even without a manifest: rush and moon keep their settings there.
  for (const folder of new Set([".", ...chooseFolders(folders, wanted).slice(0, MOST_MODULES)])) {
    const own = await readManifest(tree, folder, warnings);
    const workspace = await readWorkspace(tree, folder, own);
    if (workspace !== null) tools.push(workspace.tool);
    if (own === null || isStub(folder, own)) continue;
    manifests.set(folder, own);
    if (workspace === null) continue;
    workspaces.push({ ...workspace, manifest: own });
    for (const member of workspace.members.slice(0, MOST_MODULES)) {
      const manifest = manifests.get(member) ?? (await readManifest(tree, member, warnings));
      if (manifest !== null) manifests.set(member, manifest);
    }
  }
  const members = [...manifests].map(([folder, manifest]) => ({ folder, manifest })).sort(byPlace);
  const described = wanted === null ? members : members.filter(({ folder }) => folder === wanted);
  const others = described.length === 0 ? [] : otherPlatforms(tree, described);
  for (const { platform, file } of others) {
    const message = `${parentOf(file)} is a ${platform} module, which is not supported yet; it was left out.`;
    warnings.push({ code: "PLATFORM_UNSUPPORTED", message, file });
  }
  return {
    tool: tools[0] ?? null,
    workspaces,
    manifests,
    members: described.slice(0, MOST_MODULES),
    seen,
    nodeFolders,
  };
}

/** `{"type": "module"}` below a root tells Node how to read a folder's files and is no module of its own. */
function isStub(folder: string, manifest: Manifest): boolean {
  const { name, scripts, dependencies, damaged } = manifest;
  return (
    folder !== "." && !damaged && name === null && Object.keys(scripts).length + Object.keys(dependencies).length === 0
  );
}

function byPlace(a: MemberManifest, b: MemberManifest): number {
  if (a.folder === "." || b.folder === ".") return a.folder === "." ? -1 : 1;
  return byCodeUnit(a.folder, b.folder);
}

/** The platform of the root when it is not Node and the manifests below are parts of it, such as its assets. */
async function rootOfOtherPlatform(tree: SourceTree, folders: readonly string[]): Promise<SeenPlatform | null> {
  if (!folders.includes(".")) {
    return findPlatforms(tree, ".").find(({ platform }) => !weak.has(platform)) ?? null;
  }
  const manifest = await readManifest(tree, ".", []);
  if (manifest === null || manifest.workspaces !== null) return null;
  const framework = findFramework(manifest);
  const answers =
    framework !== null && (serverFrameworks.has(framework) || ["next", "nuxt", "remix", "expo"].includes(framework));
  const starts = /\b(node|tsx|ts-node|bun|pm2)\b/.test(manifest.scripts["start"] ?? "");
  return platformOverNode(tree, ".", answers || starts);
}

/**
 * Folders to read: the root, and the shallowest manifests below; a manifest below another one belongs to a workspace,
 * or to a program in its own right beside the root's. Tests and examples only when there is nothing else.
 */
function chooseFolders(folders: readonly string[], wanted: string | null): string[] {
  if (wanted !== null) {
    const above = folders.filter((folder) => folder === "." || wanted === folder || wanted.startsWith(`${folder}/`));
    return above.length === 0 ? [wanted] : above;
  }
  const real = folders.filter((folder) => !inTests.test(folder));
  const usable = real.length === 0 ? folders : real;
  return [...usable]
    .sort((a, b) => depthOf(a) - depthOf(b) || byCodeUnit(a, b))
    .filter(
      (folder) =>
        folder === "." || !usable.some((other) => other !== "." && other !== folder && folder.startsWith(`${other}/`)),
    );
}

function installRoot(
  found: Found,
  module: MemberManifest,
): { folder: string; manifest: Manifest; members: MemberManifest[] } {
  const workspace = found.workspaces.find(
    ({ folder, members }) => folder === module.folder || members.includes(module.folder),
  );
  if (workspace === undefined || workspace.members.length === 0 || !workspace.isInstalledAsOne)
    return { ...module, members: [] };
  const members = workspace.members.flatMap((folder) => {
    const manifest = found.manifests.get(folder);
    return manifest === undefined ? [] : [{ folder, manifest }];
  });
  return { folder: workspace.folder, manifest: workspace.manifest, members };
}

/** What also stands beside programs of every kind: it names a repository only from its root. */
const weak = new Set(["static", "shell", "cpp"]);

/** Every platform that a shallow folder shows; Node last, because a manifest is often that of another platform's assets. */
function seenPlatforms(tree: SourceTree, manifests: readonly string[]): SeenPlatform[] {
  const seen = new Map<string, SeenPlatform>();
  for (const folder of shallowFolders(tree)) {
    for (const platform of findPlatforms(tree, folder)) {
      const tells = folder === "." || folder === "public" || !weak.has(platform.platform);
      if (tells && !seen.has(platform.platform)) seen.set(platform.platform, platform);
    }
  }
  const [first] = manifests;
  const node = first === undefined ? [] : [{ platform: "node", file: joinPath(first, "package.json") }];
  return [...seen.values(), ...node];
}

function shallowFolders(tree: SourceTree): string[] {
  const folders = new Set([".", ...tree.files.filter((file) => depthOf(file) <= 3).map(parentOf)]);
  return [...folders]
    .filter((folder) => !inTests.test(folder))
    .sort((a, b) => depthOf(a) - depthOf(b) || byCodeUnit(a, b));
}

/** Modules of other platforms beside the Node ones. */
function otherPlatforms(tree: SourceTree, modules: readonly MemberManifest[]): SeenPlatform[] {
  const taken = (folder: string): boolean =>
    modules.some(
      (module) => module.folder !== "." && (folder === module.folder || folder.startsWith(`${module.folder}/`)),
    );
  return shallowFolders(tree)
    .filter((folder) => folder !== "." && !taken(folder))
    .flatMap((folder) =>
      findPlatforms(tree, folder)
        .filter(({ platform }) => !weak.has(platform))
        .slice(0, 1),
    );
}

/** In a fixed order, each once, and not without end. */
function settle(warnings: readonly AnalysisWarning[]): AnalysisWarning[] {
  const distinct = new Map(
    warnings.map((warning) => [`${warning.file ?? ""}\0${warning.code}\0${warning.message}`, warning]),
  );
  return [...distinct]
    .sort(([a], [b]) => byCodeUnit(a, b))
    .map(([, warning]) => warning)
    .slice(0, 100);
}
