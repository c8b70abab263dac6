/** Finds the place in the Dockerfile that a builder's message is about. */
import { isKitError } from "@container-kit/errors";
import type { Instruction } from "dockerfile-ast";
import { normalizeReference } from "../reference/normalize.ts";
import { parseDockerfile } from "./dockerfile-images.ts";

/** A place in a Dockerfile, counted from 1. */
export interface DockerfilePlace {
  readonly line: number;
  /** Where the offending word stands, else where the instruction begins. */
  readonly column: number;
}

/** The words that a message quotes, and what to look for because of them (moby and BuildKit `instructions`, `dockerfile2llb`). */
const QUOTED: readonly (readonly [RegExp, (word: string) => string])[] = [
  [/unknown instruction: "?([^\s"]{1,200})/i, (word) => word],
  [/unknown flag: -{0,2}([\w.-]{1,200})/i, (word) => `--${word}`],
  [/can't find = in "([^"]{1,200})"/i, (word) => word],
  [/failed to parse stage name "([^"]{1,600})"/i, (word) => word],
  [/invalid from flag value ([^\s:]{1,600})/i, (word) => `--from=${word}`],
  [/base name \(([^)]{1,600})\) should not be blank/i, (word) => word],
  [/invalid containerport: (\S{1,200})/i, (word) => word],
  [/(?:unsupported|invalid) mount type "([^"]{1,200})"/i, (word) => `type=${word}`],
  [/flag provided but not defined: -([\w.-]{1,200})/i, (word) => `--${word}`],
  [/--from=([^\s:]{1,600}): no stage or image found/i, (word) => `--from=${word}`],
  [/^(?:.{0,200}: )?([A-Z]{3,20}) (?:requires|must have|isn't allowed)/, (word) => word],
];

/**
 * The place that the message means: the first line of the instruction, as the builder says it or as the quoted words
 * are found. Null for what concerns no place, such as a target that is not there.
 */
export function locateError(message: string, content: string): DockerfilePlace | null {
  const instructions = parseDockerfile(content).getInstructions();
  const lines = content.split(/\r?\n/);
  const word = quotedWord(message);
  const said = /\bline (\d{1,7})\b/i.exec(message)?.[1];
  const instruction =
    said === undefined
      ? instructions.find((each) => isMeant(each.getKeyword(), wordsOf(each, lines), { message, word }))
      : instructions.findLast((each) => firstLine(each) <= Number(said));
  if (instruction !== undefined) return placeIn(instruction, word, lines);
  if (said !== undefined) return { line: Number(said), column: 1 };
  return instructions.length === 0 ? { line: 1, column: 1 } : null;
}

function quotedWord(message: string): string | null {
  for (const [pattern, toWord] of QUOTED) {
    const match = pattern.exec(message)?.[1];
    if (match !== undefined) return toWord(match);
  }
  return null;
}

interface Meant {
  readonly message: string;
  /** What the message quotes. */
  readonly word: string | null;
}

function isMeant(keyword: string, words: readonly string[], { message, word }: Meant): boolean {
  if (/no build stage in current context/i.test(message)) return keyword !== "ARG" && keyword !== "FROM";
  // buildah quotes the whole instruction.
  const quoted = /building at STEP "([^"]{1,2000})"/i.exec(message)?.[1];
  if (word === null && quoted !== undefined) return words.join(" ") === quoted.trim().replaceAll(/\s+/g, " ");
  if (word === null)
    return (
      /invalid reference format|name must be lowercase/i.test(message) && keyword === "FROM" && isNoReference(words)
    );
  if (keyword === word.toUpperCase()) return true;
  // BuildKit names the image of COPY --from as it does that of FROM; mounts and lists have their words between commas.
  return words
    .slice(1)
    .some(
      (part) =>
        part === word ||
        part.startsWith(`${word}=`) ||
        [...part.split(/[=,]/), ...part.split(/,|--mount=/)].includes(word),
    );
}

function isNoReference(words: readonly string[]): boolean {
  const image = words.slice(1).find((part) => !part.startsWith("--")) ?? "";
  if (image.includes("$")) return false;
  try {
    normalizeReference(image);
    return false;
  } catch (error) {
    if (isKitError(error, "INVALID_REFERENCE")) return true;
    throw error;
  }
}

function wordsOf(instruction: Instruction, lines: readonly string[]): readonly string[] {
  const { start, end } = instruction.getRange();
  return lines
    .slice(start.line, end.line + 1)
    .join(" ")
    .trim()
    .split(/\s+/);
}

function firstLine(instruction: Instruction): number {
  return instruction.getRange().start.line + 1;
}

function placeIn(instruction: Instruction, word: string | null, lines: readonly string[]): DockerfilePlace {
  const { line, character } = instruction.getRange().start;
  const found = word === null ? -1 : (lines[line] ?? "").toUpperCase().indexOf(word.toUpperCase(), character);
  return { line: line + 1, column: (found === -1 ? character : found) + 1 };
}
