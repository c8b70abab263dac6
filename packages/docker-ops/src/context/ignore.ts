import { join } from "node:path";
import balena from "@balena/dockerignore";
import { fail } from "../errors.ts";
import { readTextFile } from "./read-text-file.ts";

/** What `.dockerignore` leaves out of the context. */
export interface IgnoreRules {
  /** `path` is relative to the context, with `/`. */
  ignores(path: string): boolean;
  /** Whether something below an ignored folder may be wanted after all (there is a `!` pattern). */
  readonly mayReinclude: boolean;
}

const LARGEST = 1024 * 1024;

export interface IgnoreOptions {
  /** Sends the Dockerfile and the ignore file whatever the patterns say, for a builder that looks for them in the context. */
  readonly keepBuilderFiles: boolean;
}

/**
 * Reads the ignore rules as the docker CLI does: `<Dockerfile>.dockerignore` beside the Dockerfile wins over
 * `.dockerignore` at the root.
 */
export async function readIgnoreRules(
  root: string,
  dockerfile: string,
  { keepBuilderFiles }: IgnoreOptions,
): Promise<IgnoreRules> {
  const candidates = [`${dockerfile}.dockerignore`, ".dockerignore"];
  for (const file of candidates) {
    const text = await readIfPresent(join(root, file));
    if (text === null) continue;
    return createIgnoreRules(text, keepBuilderFiles ? [dockerfile, file] : []);
  }
  return { ignores: () => false, mayReinclude: false };
}

/** @param always paths that are sent whatever the patterns say */
function createIgnoreRules(text: string, always: readonly string[]): IgnoreRules {
  const lines = text
    .replace(/^\uFEFF/, "")
    .split(/\r?\n/)
    // A comment begins in the first column; what is trimmed afterwards is a pattern, `#` or not (moby dockerignore).
    .filter((line) => !line.startsWith("#"))
    .map((line) => line.trim())
    .filter((line) => line !== "");
  if (lines.includes("!")) throw fail("CONTEXT_INVALID", "the ignore file has a line with nothing but `!`");
  // A CommonJS module whose types call its export `default`, which it has as well.
  const matcher = balena.default({ ignorecase: false }).add(lines);
  const kept = new Set(always);
  return {
    ignores: (path) => !kept.has(path) && matcher.ignores(path),
    mayReinclude: lines.some((line) => line.startsWith("!")) || always.some((path) => path.includes("/")),
  };
}

async function readIfPresent(path: string): Promise<string | null> {
  try {
    return await readTextFile(path, LARGEST);
  } catch (error) {
    if (error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR")) return null;
    const reason = error instanceof Error ? `: ${error.message}` : "";
    throw fail("CONTEXT_INVALID", `${path} cannot be read${reason}`, { cause: error, details: { path } });
  }
}
