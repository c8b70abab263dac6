import { depthOf, joinPath, nameOf, relativeTo } from "./path.ts";
import type { SourceTree } from "./source-tree.ts";

/** Folders whose code is not the program: it is neither asked for its language nor for its ports. */
const besides = new Set(
  [
    "test tests __tests__ __mocks__ __fixtures__ fixtures spec e2e cypress playwright example examples",
    "sample samples demo demos docs doc bench benchmark benchmarks scripts tools stories .storybook",
    ".github public static assets",
  ].flatMap((line) => line.split(" ")),
);

const code = /\.[cm]?[jt]sx?$/;
const notProgram =
  /(\.d\.[cm]?ts|[.-](test|spec|stories|config|conf|min)\.[cm]?[jt]sx?)$|^(gulpfile|Gruntfile|webpack|karma|jest\.|\.)/;

/** The module's own source files, relative to the repository, shallow ones first; other modules below it are left out. */
export function sourceFiles(tree: SourceTree, folder: string, otherModules: readonly string[]): string[] {
  const inside = otherModules.filter((other) => other !== folder && (folder === "." || other.startsWith(`${folder}/`)));
  return tree.files.filter((file) => {
    if (folder !== "." && !file.startsWith(`${folder}/`)) return false;
    if (inside.some((other) => file.startsWith(`${other}/`))) return false;
    const path = relativeTo(folder, file);
    const name = nameOf(path);
    const isCode = code.test(name) ? !notProgram.test(name) : path === "bin/www";
    return (
      isCode &&
      !path
        .split("/")
        .slice(0, -1)
        .some((segment) => besides.has(segment))
    );
  });
}

/** TypeScript when there is a tsconfig.json, or when most of the module's own sources are. */
export function findLanguage(
  tree: SourceTree,
  folder: string,
  sources: readonly string[],
): "javascript" | "typescript" {
  if (tree.hasFile(joinPath(folder, "tsconfig.json"))) return "typescript";
  const typed = sources.filter((file) => /\.[cm]?tsx?$/.test(file)).length;
  return typed > sources.length - typed ? "typescript" : "javascript";
}

const telling = /^(index|server|app|main|www|start|bootstrap|listen|http|api|config|env|settings|constants?)\b/i;

/** At most `limit` sources, those first in which a program is likely to open its port. */
export function likelySources(sources: readonly string[], entrypoint: string | null, limit: number): string[] {
  const rank = (file: string): number => {
    if (file === entrypoint) return 0;
    return telling.test(nameOf(file)) ? 1 + depthOf(file) : 40 + depthOf(file);
  };
  return [...sources].sort((a, b) => rank(a) - rank(b)).slice(0, limit);
}
