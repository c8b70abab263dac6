/**
 * Replaces base images that cannot be had here by those that the configuration names, in the Dockerfile that is sent;
 * the file on disk stays as it is, and every replacement is reported.
 */
import { DockerfileParser } from "dockerfile-ast";
import type { Dockerfile } from "dockerfile-ast";
import { isKitError } from "@container-kit/errors";
import { normalizeReference, withDefaultTag } from "../reference/normalize.ts";
import type { BaseImageReplacement } from "./types.ts";
import { expandArguments } from "./expand-arguments.ts";

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
  const dockerfile = DockerfileParser.parse(content);
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

interface NamedImage {
  readonly named: string;
  readonly line: number;
  readonly start: number;
  readonly end: number;
}

/** Images of FROM, and of COPY --from where it names no stage. */
function imagesOf(dockerfile: Dockerfile, values: ReadonlyMap<string, string>): readonly NamedImage[] {
  const stages = new Set<string>(["scratch"]);
  const images: NamedImage[] = [];
  for (const from of dockerfile.getFROMs()) {
    const range = from.getImageRange();
    const named = expandArguments(from.getImage() ?? "", values);
    if (range !== null && named !== "" && !stages.has(named.toLowerCase())) {
      images.push({ named, line: range.start.line, start: range.start.character, end: range.end.character });
    }
    const stage = from.getBuildStage();
    if (stage !== null) stages.add(stage.toLowerCase());
  }
  for (const copy of dockerfile.getCOPYs()) {
    const flag = copy.getFromFlag();
    const named = flag?.getValue() ?? "";
    const range = flag?.getValueRange() ?? null;
    if (range === null || named === "" || stages.has(named.toLowerCase()) || /^\d+$/.test(named)) continue;
    images.push({ named, line: range.start.line, start: range.start.character, end: range.end.character });
  }
  return images;
}

/** ARGs before the first FROM, as the build sets them. */
function globalArguments(
  dockerfile: Dockerfile,
  buildArgs: Readonly<Record<string, string>>,
): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  for (const arg of dockerfile.getInitialARGs()) {
    const property = arg.getProperty();
    if (property === null) continue;
    const name = property.getName();
    const value = buildArgs[name] ?? property.getValue();
    if (value !== null) values.set(name, expandArguments(value, values));
  }
  return values;
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

function canonicalName(image: string): string {
  try {
    return withDefaultTag(normalizeReference(image)).canonical;
  } catch (error) {
    if (isKitError(error, "INVALID_REFERENCE")) return image;
    throw error;
  }
}
