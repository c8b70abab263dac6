/** Finds the Node modules of a repository, their workspaces, and what else is there. */
import type { AnalysisWarning, MonorepoTool, SeenPlatform } from "../types.ts";
import { findFramework, serverFrameworks } from "./framework.ts";
import { readManifest } from "./manifest.ts";
import type { Manifest } from "./manifest.ts";
import type { MemberManifest } from "./module-readings.ts";
import { byCodeUnit, depthOf, parentOf } from "./path.ts";
import { findPlatforms, platformOverNode } from "./platforms.ts";
import { inTests, otherPlatforms, seenPlatforms, weak } from "./seen-platforms.ts";
import type { SourceTree } from "./source-tree.ts";
import { manifestFolders, readWorkspace } from "./workspace.ts";
import type { Workspace } from "./workspace.ts";

/** More modules than this are not described. */
const MOST_MODULES = 200;

/** What a repository is divided into. */
export interface Found {
  readonly tool: MonorepoTool | null;
  readonly workspaces: readonly (Workspace & { readonly manifest: Manifest })[];
  /** All manifests of workspaces, and the modules to describe. */
  readonly manifests: ReadonlyMap<string, Manifest>;
  readonly members: readonly MemberManifest[];
  readonly seen: readonly SeenPlatform[];
  readonly nodeFolders: readonly string[];
}

/** Finds the modules; only the one in the folder `wanted` when it is given. */
export async function findModules(
  tree: SourceTree,
  wanted: string | null,
  warnings: AnalysisWarning[],
): Promise<Found> {
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

/** Where a module is installed from: its workspace, or itself. */
export function installRoot(
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
