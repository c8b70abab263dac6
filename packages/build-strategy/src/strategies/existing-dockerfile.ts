/**
 * The repository's own Dockerfile: whoever wrote it knew more than an analysis can. It is scored and never changed, and
 * it needs no platform to be supported.
 */
import { chooseDockerfile } from "../analysis/existing.ts";
import { joinPath, parentOf } from "../analysis/path.ts";
import type { SourceTree } from "../analysis/source-tree.ts";
import { renderDockerignore } from "../dockerfile/dockerignore.ts";
import { fail } from "../errors.ts";
import { readIgnoreRules } from "../quality/ignore-rules.ts";
import type { IgnoreRules } from "../quality/ignore-rules.ts";
import { readDockerfile } from "../quality/model.ts";
import { scoreDockerfile } from "../quality/score.ts";
import { checkCopySources, checkHealthTool, copiedPaths } from "../quality/semantic-checks.ts";
import { validateDockerfile } from "../quality/validate.ts";
import type { AnalysisWarning } from "../types.ts";
import { readIgnoreFile, warnOfWeakIgnore } from "./ignore-file.ts";
import type { BuildStrategy, StrategySubject } from "./strategy.ts";

function find({ analysis, folder, asked }: StrategySubject): string | null {
  // A module that was asked for is not built with the root's Dockerfile unless nothing else could be meant.
  const own = chooseDockerfile(
    analysis.existing.dockerfiles.filter((file) => !asked || file.startsWith(`${folder}/`) || folder === "."),
    folder,
  );
  return own ?? (asked ? null : chooseDockerfile(analysis.existing.dockerfiles, "."));
}

/** See the file's head. */
export const existingDockerfile: BuildStrategy = {
  name: "existing-dockerfile",
  isNew: false,
  consider: (subject) => {
    const path = find(subject);
    if (path !== null)
      return {
        name: "existing-dockerfile",
        score: 100,
        reasons: [`${path} is the repository's own; its author knows more than an analysis can.`],
      };
    const others = subject.analysis.existing.dockerfiles;
    const seen =
      others.length === 0
        ? "The repository has no Dockerfile."
        : `${others.slice(0, 5).join(", ")} is not for ${subject.folder} in production.`;
    return { name: "existing-dockerfile", score: 0, reasons: [seen] };
  },
  generate: async (subject, tree) => {
    const path = find(subject);
    const content = path === null ? null : await tree.read(path);
    if (path === null || content === null) {
      throw fail("UNSUPPORTED", `${path ?? "the Dockerfile"} cannot be read`, {
        remedy: "Check that it is a text file of at most 1 MiB that this user may read.",
      });
    }
    const model = readDockerfile(content);
    const context = await chooseContext(tree, path, subject.folder, content);
    const ignore = await readIgnoreFile(tree, path, context);
    const rules: IgnoreRules = readIgnoreRules(ignore?.content ?? "");
    const { score, checks } = scoreDockerfile(content);
    const validation = validateDockerfile(content);
    const fault = validation.findings.find((finding) => finding.severity === "error");
    const validity = {
      id: "valid",
      ok: validation.valid,
      message: fault === undefined ? "a builder accepts it" : `line ${fault.line}: ${fault.message}`,
    };
    const warnings: AnalysisWarning[] = ignore === null ? [] : warnOfWeakIgnore(ignore);
    const proposed = {
      path: joinPath(context, ".dockerignore"),
      content: renderDockerignore({ outputs: [], copied: copiedPaths(model) }),
    };
    return {
      context,
      dockerfile: { path, content },
      dockerignore: ignore ?? proposed,
      checks: [...checks, validity, await checkCopySources(model, tree, context, rules), ...checkHealthTool(model)],
      score: validation.valid ? score : 0,
      warnings,
    };
  },
};

/** The folder that the Dockerfile's COPY lines fit: its own, the module's, or the root. */
async function chooseContext(tree: SourceTree, dockerfile: string, folder: string, content: string): Promise<string> {
  const model = readDockerfile(content);
  for (const context of new Set([parentOf(dockerfile), folder, "."])) {
    if ((await checkCopySources(model, tree, context, { ignores: () => false })).ok) return context;
  }
  return folder;
}
