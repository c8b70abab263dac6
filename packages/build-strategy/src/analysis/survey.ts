/** Looks over a whole repository: its workspace, its modules, what else is in it. */
import { fail } from "../errors.ts";
import type { AnalysisWarning, RepositoryAnalysis, SourceModule } from "../types.ts";
import { findExisting } from "./existing.ts";
import { findModules, installRoot } from "./find-modules.ts";
import type { TreeLimits } from "./list-files.ts";
import { describeNodeModule } from "./node-module.ts";
import { byCodeUnit, joinPath } from "./path.ts";
import { openTree } from "./source-tree.ts";
import type { SourceTree } from "./source-tree.ts";

/** What {@link analyzeRepository} may be told beside the path. */
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
