/**
 * Looks at a source tree, chooses a strategy and writes the Dockerfile.
 *
 * @packageDocumentation
 */

// Looking: what a repository is made of. `surveyRepository` never refuses a platform, `analyzeRepository` does.
export { analyzeRepository, surveyRepository } from "./analyze-repository.ts";
export type { AnalyzeOptions } from "./analysis/survey.ts";
export type { TreeLimits } from "./analysis/list-files.ts";
export type {
  AnalysisWarning,
  BuildPlan,
  ModuleKind,
  ModulePort,
  MonorepoTool,
  NodeFacts,
  NodePackageManager,
  RepositoryAnalysis,
  SeenPlatform,
  SourceModule,
  StartPlan,
  WarningCode,
} from "./types.ts";

// Choosing and writing: the strategy with its runner-up, the two files, and their way to the disk.
export { selectStrategy } from "./strategies/select.ts";
export type { SelectedStrategy, SelectOptions } from "./strategies/select.ts";
export type { Candidate, StrategyName } from "./strategies/strategy.ts";
export { generateDockerfile } from "./generate-dockerfile.ts";
export type { GeneratedDockerfile, GenerateOptions } from "./generate-dockerfile.ts";
export { nameForKept, writeDockerfile } from "./write-dockerfile.ts";
export type { WriteOptions, WrittenFiles } from "./write-dockerfile.ts";

// Judging: any Dockerfile's text, with no repository at hand.
export { scoreDockerfile } from "./quality/score.ts";
export type { DockerfileScore } from "./quality/score.ts";
export { validateDockerfile } from "./quality/validate.ts";
export type { DockerfileValidation, StageSummary, ValidateOptions } from "./quality/validate.ts";
export type { CheckResult } from "./quality/check.ts";
export type { Finding, Severity } from "./quality/syntax-rules.ts";

// Failing: the codes of this package.
export { buildStrategyErrors } from "./errors.ts";
