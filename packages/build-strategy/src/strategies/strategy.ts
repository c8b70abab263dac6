import type { SourceTree } from "../analysis/source-tree.ts";
import type { CheckResult } from "../quality/check.ts";
import type { AnalysisWarning, RepositoryAnalysis, SourceModule } from "../types.ts";

/** The names of the strategies, the preferred first. */
export type StrategyName = "existing-dockerfile" | "node-template";

/** What one strategy says to one repository. */
export interface Candidate {
  readonly name: StrategyName;
  /** 0 to 100; 0 when it cannot be used. */
  readonly score: number;
  /** Why, in sentences. */
  readonly reasons: readonly string[];
}

/** What a strategy decides about. */
export interface StrategySubject {
  readonly analysis: RepositoryAnalysis;
  /** The folder that was asked for; `.` when none was. */
  readonly folder: string;
  /** Whether a module was asked for. */
  readonly asked: boolean;
  /** The module to be built, or null when it is not clear which. */
  readonly module: SourceModule | null;
}

export interface StrategyOptions {
  readonly baseImage?: string;
}

/** What a strategy makes: the two files, how good they are and what to know. */
interface StrategyOutput {
  /** The folder to build in, relative to the repository. */
  readonly context: string;
  readonly dockerfile: { readonly path: string; readonly content: string };
  readonly dockerignore: { readonly path: string; readonly content: string };
  readonly checks: readonly CheckResult[];
  readonly score: number;
  readonly warnings: readonly AnalysisWarning[];
}

/** One way to come to a Dockerfile. */
export interface BuildStrategy {
  readonly name: StrategyName;
  /** Whether its Dockerfile is a new one, whatever is there. */
  readonly isNew: boolean;
  consider(subject: StrategySubject): Candidate;
  /** Called only when {@link consider} gave a score above 0. */
  generate(subject: StrategySubject, tree: SourceTree, options: StrategyOptions): Promise<StrategyOutput>;
}
