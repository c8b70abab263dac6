import { createHash } from "node:crypto";
import { isWithin } from "./analysis/path.ts";
import { survey } from "./analysis/survey.ts";
import type { AnalyzeOptions } from "./analysis/survey.ts";
import { unsupported } from "./analyze-repository.ts";
import type { CheckResult } from "./quality/check.ts";
import { chooseModule } from "./strategies/choose-module.ts";
import { asksForNew, selectFor, strategyOf } from "./strategies/select.ts";
import type { SelectedStrategy, SelectOptions } from "./strategies/select.ts";
import type { StrategyOptions } from "./strategies/strategy.ts";
import type { AnalysisWarning, RepositoryAnalysis } from "./types.ts";

/** What the generation of a Dockerfile may be told. */
export interface GenerateOptions
  extends SelectOptions, StrategyOptions, Pick<AnalyzeOptions, "nodeVersion" | "signal" | "now"> {}

/** A Dockerfile with its .dockerignore; nothing of it is on disk yet unless it was there before. */
export interface GeneratedDockerfile {
  /** The repository, absolute. */
  readonly root: string;
  /** The folder to build in, relative to the root. */
  readonly context: string;
  /** The module that it is for, or null when the platform was not recognised. */
  readonly module: string | null;
  readonly strategy: SelectedStrategy;
  /** `path` is relative to the root. */
  readonly dockerfile: { readonly path: string; readonly content: string; readonly sha256: string };
  readonly dockerignore: { readonly path: string; readonly content: string };
  readonly checks: readonly CheckResult[];
  /** 0 to 100, of the lexical checks. */
  readonly score: number;
  readonly warnings: readonly AnalysisWarning[];
}

/**
 * Finds or writes the Dockerfile of a repository. Nothing is written to disk: `writeDockerfile` does that.
 *
 * The repository's own Dockerfile is preferred, for any platform; `strategy: "template"` asks for a new one. An
 * analysis is used as it is, unless `nodeVersion` asks for another one.
 *
 * Throws what `analyzeRepository` and `selectStrategy` throw.
 */
export async function generateDockerfile(
  target: string | RepositoryAnalysis,
  options: GenerateOptions = {},
): Promise<GeneratedDockerfile> {
  const found = await survey(typeof target === "string" ? target : target.root, analyzeOptions(options));
  const analysis = typeof target === "string" || options.nodeVersion !== undefined ? found.analysis : target;
  const subject = chooseModule(analysis, options.module);
  const usesExisting = !asksForNew(options.strategy) && strategyOf("existing-dockerfile").consider(subject).score > 0;
  if (analysis.modules.length === 0 && !usesExisting) throw unsupported(found, options.module);
  const strategy = selectFor(subject, options.strategy);
  const output = await strategyOf(strategy.name).generate(subject, found.tree, options);
  const { content, path } = output.dockerfile;
  return {
    root: analysis.root,
    context: output.context,
    module: subject.module?.path ?? null,
    strategy,
    dockerfile: { path, content, sha256: createHash("sha256").update(content).digest("hex") },
    dockerignore: output.dockerignore,
    checks: output.checks,
    score: output.score,
    warnings: [
      ...analysis.warnings.filter((warning) => concerns(warning, subject.folder, output.context)),
      ...output.warnings,
    ],
  };
}

function analyzeOptions({ module, nodeVersion, signal, now }: GenerateOptions): AnalyzeOptions {
  return {
    ...(module === undefined ? {} : { module }),
    ...(nodeVersion === undefined ? {} : { nodeVersion }),
    ...(signal === undefined ? {} : { signal }),
    ...(now === undefined ? {} : { now }),
  };
}

/** Another module's warnings are noise here. */
function concerns({ file }: AnalysisWarning, folder: string, context: string): boolean {
  if (file === undefined || isWithin(folder, file)) return true;
  return isWithin(context, file) && !file.slice(context === "." ? 0 : context.length + 1).includes("/");
}
