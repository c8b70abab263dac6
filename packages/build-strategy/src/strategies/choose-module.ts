import { joinPath } from "../analysis/path.ts";
import { fail } from "../errors.ts";
import type { RepositoryAnalysis, SourceModule } from "../types.ts";
import type { StrategySubject } from "./strategy.ts";

/** Whether something of a module can run in an image. */
export function isRunnable(module: SourceModule): boolean {
  return module.node.start !== null || module.node.site !== null;
}

/**
 * The module that is meant: the one that is named, else the root when it runs, else the only one that runs. A named one
 * that the analysis does not have is `NOT_FOUND`.
 */
export function chooseModule(analysis: RepositoryAnalysis, named: string | undefined): StrategySubject {
  const { modules } = analysis;
  if (named !== undefined) {
    const folder = joinPath(named);
    const module = modules.find((one) => one.path === folder) ?? null;
    if (module === null && modules.length > 0) {
      const paths = modules.map((one) => one.path);
      throw fail("NOT_FOUND", `the repository has no module ${folder}`, {
        remedy: `Name one of its modules: ${paths.slice(0, 10).join(", ")}.`,
        details: { module: folder, modules: paths },
      });
    }
    return { analysis, folder, asked: true, module };
  }
  const runnable = modules.filter(isRunnable);
  const root = runnable.find((one) => one.path === ".");
  const only =
    root ??
    (runnable.length === 1 ? runnable[0] : undefined) ??
    (modules.length === 1 ? modules[0] : undefined) ??
    null;
  return { analysis, folder: only?.path ?? ".", asked: false, module: only };
}
