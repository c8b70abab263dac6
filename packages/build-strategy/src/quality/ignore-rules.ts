import { compileGlob } from "../analysis/glob.ts";
import { joinPath, parentOf } from "../analysis/path.ts";

/** What a `.dockerignore` leaves out. */
export interface IgnoreRules {
  /** `path` is relative to the context. */
  ignores(path: string): boolean;
}

/**
 * Reads a `.dockerignore` with the meaning that moby gives it: the last pattern that matches the path or a folder above
 * it decides, and `!` takes a path back in.
 */
export function readIgnoreRules(text: string): IgnoreRules {
  const rules = text
    .replace(/^\uFEFF/, "")
    .split(/\r?\n/)
    .filter((line) => !line.startsWith("#"))
    .map((line) => line.trim())
    .filter((line) => line !== "" && line !== "!")
    .slice(0, 2000)
    .map((line) => {
      const isExcept = line.startsWith("!");
      const pattern = joinPath((isExcept ? line.slice(1) : line).trim());
      return { isExcept, glob: compileGlob(pattern) };
    });
  return {
    ignores: (path) => {
      const chain = [path];
      for (let folder = parentOf(path); folder !== "."; folder = parentOf(folder)) chain.push(folder);
      let ignored = false;
      for (const { isExcept, glob } of rules) {
        if (isExcept === ignored && chain.some((one) => glob.matches(one))) ignored = !isExcept;
      }
      return ignored;
    },
  };
}
