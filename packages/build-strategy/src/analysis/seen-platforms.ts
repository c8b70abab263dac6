import type { SeenPlatform } from "../types.ts";
import type { MemberManifest } from "./module-readings.ts";
import { byCodeUnit, depthOf, joinPath, parentOf } from "./path.ts";
import { findPlatforms } from "./platforms.ts";
import type { SourceTree } from "./source-tree.ts";

/** Folders of tests, examples and the like: what is in them is not what the repository is for. */
export const inTests =
  /(^|\/)(tests?|__\w+__|fixtures?|spec|e2e|examples?|samples?|demos?|templates?|docs?|benchmarks?)(\/|$)/;

/** What also stands beside programs of every kind: it names a repository only from its root. */
export const weak = new Set(["static", "shell", "cpp"]);

/** Every platform that a shallow folder shows; Node last, because a manifest is often that of another platform's assets. */
export function seenPlatforms(tree: SourceTree, manifests: readonly string[]): SeenPlatform[] {
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
export function otherPlatforms(tree: SourceTree, modules: readonly MemberManifest[]): SeenPlatform[] {
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
