import { readFile } from "node:fs/promises";
import { join } from "node:path";
import dockerignore from "@balena/dockerignore";
import { fail } from "../errors.ts";

/** What `.dockerignore` leaves out of the context. */
export interface IgnoreRules {
  /** `path` is relative to the context, with `/`. */
  ignores(path: string): boolean;
  /** Whether something below an ignored folder may be wanted after all (there is a `!` pattern). */
  readonly mayReinclude: boolean;
  /** The file that the rules came from, or null. */
  readonly file: string | null;
}

const LARGEST = 1024 * 1024;

/**
 * Reads the ignore rules as the docker CLI does: `<Dockerfile>.dockerignore` beside the Dockerfile wins over
 * `.dockerignore` at the root. The Dockerfile and the ignore file are always sent: the builder needs them.
 */
export async function readIgnoreRules(root: string, dockerfile: string): Promise<IgnoreRules> {
  const candidates = [`${dockerfile}.dockerignore`, ".dockerignore"];
  for (const file of candidates) {
    const text = await readIfPresent(join(root, file));
    if (text === null) continue;
    if (text.length > LARGEST)
      throw fail("CONTEXT_INVALID", `${file} is larger than ${LARGEST} characters`, { details: { file } });
    return createIgnoreRules(text, [dockerfile, file], file);
  }
  return { ignores: () => false, mayReinclude: false, file: null };
}

/** @param always paths that are sent whatever the patterns say */
export function createIgnoreRules(text: string, always: readonly string[], file: string | null): IgnoreRules {
  const lines = text
    .replace(/^\uFEFF/, "")
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"));
  const matcher = dockerignore({ ignorecase: false }).add(lines);
  const kept = new Set(always);
  return {
    ignores: (path) => !kept.has(path) && matcher.ignores(path),
    mayReinclude: lines.some((line) => line.startsWith("!")) || always.some((path) => path.includes("/")),
    file,
  };
}

async function readIfPresent(path: string): Promise<string | null> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR")) return null;
    throw fail("CONTEXT_INVALID", `${path} cannot be read`, { cause: error });
  }
}
