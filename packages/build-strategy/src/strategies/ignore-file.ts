import { joinPath } from "../analysis/path.ts";
import type { SourceTree } from "../analysis/source-tree.ts";
import { readIgnoreRules } from "../quality/ignore-rules.ts";
import type { AnalysisWarning } from "../types.ts";

export interface IgnoreFile {
  /** Relative to the repository. */
  readonly path: string;
  readonly content: string;
}

/** The ignore file that a builder takes for a Dockerfile and its context, or null: the Dockerfile's own comes first. */
export async function readIgnoreFile(
  tree: SourceTree,
  dockerfile: string,
  context: string,
): Promise<IgnoreFile | null> {
  for (const path of [`${dockerfile}.dockerignore`, joinPath(context, ".dockerignore")]) {
    const content = tree.hasFile(path) ? await tree.read(path) : null;
    if (content !== null) return { path, content };
  }
  return null;
}

/** What an existing ignore file lets into the context and should not. It is its author's, so it is only said. */
export function warnOfWeakIgnore({ path, content }: IgnoreFile): AnalysisWarning[] {
  const rules = readIgnoreRules(content);
  const missing = [".git", ".env", "node_modules"].filter((name) => !rules.ignores(name));
  if (missing.length === 0) return [];
  return [
    {
      code: "DOCKERIGNORE_WEAK",
      message: `${path} lets ${missing.join(", ")} into the build context; add ${missing.length === 1 ? "it" : "them"}.`,
      file: path,
    },
  ];
}
