/**
 * Replaces base images that cannot be had here by those that the configuration names, in the Dockerfile that is sent;
 * the file on disk stays as it is, and every replacement is reported.
 */
import { isKitError } from "@container-kit/errors";
import { normalizeReference, withDefaultTag } from "../reference/normalize.ts";
import type { BaseImageReplacement } from "./types.ts";
import { globalArguments, imagesOf, parseDockerfile } from "./dockerfile-images.ts";

/** In place of an image: the engine's own Dockerfile frontend instead of one that would be pulled. */
const BUILTIN_FRONTEND = "builtin";

export interface ReplacedDockerfile {
  readonly content: string;
  readonly replacements: readonly BaseImageReplacement[];
}

/** A piece of text to be put in the place of another, on one line. */
interface Edit {
  readonly line: number;
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** @param baseImages from the image that a Dockerfile names to the one that is used */
export function replaceBaseImages(
  content: string,
  baseImages: Readonly<Record<string, string>>,
  buildArgs: Readonly<Record<string, string>>,
): ReplacedDockerfile {
  const wanted = new Map(Object.entries(baseImages).map(([named, used]) => [canonicalName(named), used]));
  if (wanted.size === 0) return { content, replacements: [] };
  const dockerfile = parseDockerfile(content);
  const edits: Edit[] = [];
  const replacements: BaseImageReplacement[] = [];
  for (const { named, line, start, end } of imagesOf(dockerfile, globalArguments(dockerfile, buildArgs))) {
    const used = wanted.get(canonicalName(named));
    if (used === undefined || used === BUILTIN_FRONTEND) continue;
    edits.push({ line, start, end, text: used });
    if (!replacements.some((known) => known.named === named)) replacements.push({ named, used });
  }
  const frontend = replaceFrontend(content, wanted);
  return {
    content: applyEdits(frontend?.content ?? content, edits),
    replacements: frontend === null ? replacements : [...replacements, frontend.replacement],
  };
}

/** `# syntax=IMAGE` on the first lines, where parser directives may stand. */
const SYNTAX = /^(#\s{0,8}syntax\s{0,8}=\s{0,8})(\S{1,600})[ \t]*\r?$/im;

function replaceFrontend(
  content: string,
  wanted: ReadonlyMap<string, string>,
): { content: string; replacement: BaseImageReplacement } | null {
  const head = /^(?:#.*\r?\n|\s*\r?\n)*/.exec(content)?.[0] ?? "";
  const match = SYNTAX.exec(head);
  const named = match?.[2];
  if (match === null || named === undefined || wanted.get(canonicalName(named)) !== BUILTIN_FRONTEND) return null;
  return {
    content: content.replace(match[0], "#"),
    replacement: { named, used: "the engine's own Dockerfile frontend" },
  };
}

function applyEdits(content: string, edits: readonly Edit[]): string {
  if (edits.length === 0) return content;
  const lines = content.split("\n");
  for (const { line, start, end, text } of [...edits].sort((a, b) => b.start - a.start)) {
    const before = lines[line] ?? "";
    lines[line] = before.slice(0, start) + text + before.slice(end);
  }
  return lines.join("\n");
}

/** The image in its full spelling, or as it is where it is no reference. */
export function canonicalName(image: string): string {
  try {
    return withDefaultTag(normalizeReference(image)).canonical;
  } catch (error) {
    if (isKitError(error, "INVALID_REFERENCE")) return image;
    throw error;
  }
}
