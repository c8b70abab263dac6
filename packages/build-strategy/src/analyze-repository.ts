import { survey } from "./analysis/survey.ts";
import type { AnalyzeOptions, Survey } from "./analysis/survey.ts";
import { fail } from "./errors.ts";
import type { RepositoryAnalysis } from "./types.ts";

/**
 * Says what a repository is made of and how it is built and run. Reads only, and only inside the folder.
 *
 * Throws `NOT_FOUND` (no such path or module), `INVALID_INPUT` (not a folder, or not a version), `UNSUPPORTED` (no Node
 * module; `details.seen` names what was recognised) and `CANCELLED`.
 */
export async function analyzeRepository(path: string, options: AnalyzeOptions = {}): Promise<RepositoryAnalysis> {
  const found = await survey(path, options);
  if (found.analysis.modules.length === 0) throw unsupported(found, options.module);
  return found.analysis;
}

/**
 * The same without the refusal: a repository of another platform gives an analysis without modules, in which its
 * Dockerfiles and what was seen still stand. Throws `NOT_FOUND`, `INVALID_INPUT` and `CANCELLED`.
 */
export async function surveyRepository(path: string, options: AnalyzeOptions = {}): Promise<RepositoryAnalysis> {
  return (await survey(path, options)).analysis;
}

/** The error for a repository that holds no supported module. */
export function unsupported({ tree, analysis, nodeFolders }: Survey, module: string | undefined): Error {
  const { existing, seen: markers } = analysis;
  const seen = markers.map(({ platform }) => platform);
  const details = { seen, markers, dockerfiles: existing.dockerfiles, nodeModules: nodeFolders.slice(0, 20) };
  if (tree.files.length === 0) {
    return fail("UNSUPPORTED", `${tree.root} is empty`, {
      details,
      remedy: "Name the folder that holds the application's sources.",
    });
  }
  if (module !== undefined) {
    const remedy =
      nodeFolders.length === 0
        ? "Name a folder with a package.json."
        : `Name one of the modules that have a package.json: ${nodeFolders.slice(0, 5).join(", ")}.`;
    return fail("UNSUPPORTED", `${module} holds no Node module: it has no package.json`, { details, remedy });
  }
  const others = markers
    .filter(({ platform }) => platform !== "node")
    .map(({ platform, file }) => `${platform} (${file})`);
  const what = others.length === 0 ? "no file of a known platform" : others.join(", ");
  return fail("UNSUPPORTED", `only Node repositories can be analysed yet, and this one shows ${what}`, {
    details,
    remedy: remedyFor(existing.dockerfiles, nodeFolders),
  });
}

function remedyFor(dockerfiles: readonly string[], nodeFolders: readonly string[]): string {
  const [dockerfile] = dockerfiles;
  if (dockerfile !== undefined) return `Build it with its own ${dockerfile}; where that fails, mend it by hand.`;
  const [folder] = nodeFolders;
  return folder === undefined
    ? "Write a Dockerfile by hand, or add a package.json if this is a Node program."
    : `For its Node part, name the module: ${folder}.`;
}
