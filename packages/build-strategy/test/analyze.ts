import { analyzeRepository } from "../src/index.ts";
import type { AnalyzeOptions, RepositoryAnalysis, SourceModule, WarningCode } from "../src/index.ts";
import { makeRepository, now } from "./make-repository.ts";
import type { Files } from "./make-repository.ts";

/** The analysis of a repository of these files. */
export async function analyze(files: Files, options: AnalyzeOptions = {}): Promise<RepositoryAnalysis> {
  return analyzeRepository(await makeRepository(files), { now, ...options });
}

/** Its first module, with the codes of all warnings. */
export async function analyzeOne(
  files: Files,
  options: AnalyzeOptions = {},
): Promise<SourceModule & { readonly codes: readonly WarningCode[] }> {
  const { modules, warnings } = await analyze(files, options);
  const [first] = modules;
  if (first === undefined) throw new Error("there is a module");
  return { ...first, codes: warnings.map((warning) => warning.code) };
}
