/**
 * A Dockerfile as the checks read it: stages, what each inherits, instructions with their words.
 * The grammar is dockerfile-ast's; this file only arranges what it found.
 */
import { DockerfileParser } from "dockerfile-ast";
import { splitInstruction } from "./instruction-text.ts";
import { splitWords } from "./words.ts";

export interface Instruction {
  /** In upper case. */
  readonly keyword: string;
  readonly flags: ReadonlyMap<string, string>;
  /** The values of `--mount`, which may stand several times. */
  readonly mounts: readonly string[];
  /** Everything after the flags, with continued lines joined. */
  readonly text: string;
  /** 1-based. */
  readonly line: number;
  readonly column: number;
}

export interface Stage {
  readonly index: number;
  readonly name: string | null;
  /** As written. */
  readonly from: string;
  /** With the global ARGs' defaults put in. */
  readonly image: string;
  /** The stage that it builds on, or null for an image. */
  readonly parent: Stage | null;
  readonly line: number;
  readonly instructions: readonly Instruction[];
}

export interface DockerfileModel {
  readonly directives: ReadonlyMap<string, string>;
  readonly instructions: readonly Instruction[];
  /** Instructions before the first FROM. */
  readonly head: readonly Instruction[];
  readonly stages: readonly Stage[];
  /** Defaults of the ARGs before the first FROM. */
  readonly globals: ReadonlyMap<string, string>;
}

/** Arranges a Dockerfile's text. Never throws: what is wrong with it is for the checks to say. */
export function readDockerfile(content: string): DockerfileModel {
  const text = content.replace(/^\uFEFF/, "");
  const parsed = DockerfileParser.parse(text);
  const instructions = readInstructions(text, parsed);
  const directives = new Map(parsed.getDirectives().map((one) => [one.getName().toLowerCase(), one.getValue()]));
  const first = instructions.findIndex((one) => one.keyword === "FROM");
  const head = first === -1 ? instructions : instructions.slice(0, first);
  const globals = readGlobals(head);
  return { directives, instructions, head, globals, stages: readStages(instructions.slice(head.length), globals) };
}

/**
 * Where instructions begin and end is the parser's word; their flags and arguments are split here, because the parser's
 * own accessors read an instruction again for each flag.
 */
function readInstructions(text: string, parsed: ReturnType<typeof DockerfileParser.parse>): Instruction[] {
  const starts = lineStarts(text);
  const escape = parsed.getEscapeCharacter();
  return parsed.getInstructions().map((one) => {
    const { start, end } = one.getRange();
    const raw = text.slice((starts[start.line] ?? 0) + start.character, (starts[end.line] ?? 0) + end.character);
    const keyword = one.getKeyword();
    return {
      keyword,
      ...splitInstruction(raw.slice(keyword.length), escape, keyword),
      line: start.line + 1,
      column: start.character + 1,
    };
  });
}

/** Lines end as the parser sees them: at LF, CR LF or CR. */
function lineStarts(text: string): number[] {
  const starts = [0];
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === "\n" || (character === "\r" && text[at + 1] !== "\n")) starts.push(at + 1);
  }
  return starts;
}

function readGlobals(head: readonly Instruction[]): Map<string, string> {
  const globals = new Map<string, string>();
  for (const { keyword, text } of head) {
    if (keyword !== "ARG") continue;
    for (const word of splitWords(text)) {
      const equals = word.indexOf("=");
      if (equals > 0) globals.set(word.slice(0, equals), expand(word.slice(equals + 1), globals));
    }
  }
  return globals;
}

/** No image reference is longer; without a bound, ARGs that name each other twice would double for ever. */
const LONGEST_VALUE = 1000;

/** `$NAME`, `${NAME}` and `${NAME:-default}` with known values; an unknown one is left as it is written. */
function expand(text: string, values: ReadonlyMap<string, string>): string {
  const expanded = text
    .slice(0, LONGEST_VALUE)
    .replace(
      /\$(?:\{(\w{1,100})(?::?-([^{}]{0,300}))?\}|(\w{1,100}))/g,
      (whole: string, braced: string | undefined, fallback: string | undefined, bare: string | undefined) =>
        values.get(braced ?? bare ?? "") ?? fallback ?? whole,
    );
  return expanded.slice(0, LONGEST_VALUE);
}

function readStages(instructions: readonly Instruction[], globals: ReadonlyMap<string, string>): Stage[] {
  const stages: Stage[] = [];
  const byName = new Map<string, Stage>();
  let body: Instruction[] = [];
  for (const instruction of instructions) {
    if (instruction.keyword !== "FROM") {
      body.push(instruction);
      continue;
    }
    body = [];
    const words = splitWords(instruction.text);
    const from = words[0] ?? "";
    const name = words[1]?.toLowerCase() === "as" ? (words[2]?.toLowerCase() ?? null) : null;
    const image = expand(from, globals);
    const parent = byName.get(image.toLowerCase()) ?? null;
    const stage = { index: stages.length, name, from, image, parent, line: instruction.line, instructions: body };
    stages.push(stage);
    if (name !== null) byName.set(name, stage);
  }
  return stages;
}

/** A stage with those that it builds on, the base first. */
export function chainOf(stage: Stage): Stage[] {
  const chain = [stage];
  for (let parent = stage.parent; parent !== null; parent = parent.parent) chain.unshift(parent);
  return chain;
}

/** The instructions that shape the final image, inherited ones first. */
export function effectiveInstructions(stage: Stage): Instruction[] {
  return chainOf(stage).flatMap((one) => one.instructions);
}

/** The image that a stage's chain begins with. */
export function baseImageOf(stage: Stage): string {
  return (chainOf(stage)[0] ?? stage).image;
}

/** The last instruction of a kind, which is the one that counts. */
export function lastOf(instructions: readonly Instruction[], keyword: string): Instruction | undefined {
  return instructions.findLast((one) => one.keyword === keyword);
}

/** The names and values that ENV, ARG or LABEL sets; `ENV NAME value` is the old form of one pair. */
export function pairsOf({ keyword, text }: Instruction): [string, string][] {
  const words = splitWords(text);
  const [first = "", ...rest] = words;
  if (keyword !== "ARG" && words.length > 1 && !first.includes("=")) return [[first, rest.join(" ")]];
  return words.map((word) => {
    const equals = word.indexOf("=");
    return equals === -1 ? [word, ""] : [word.slice(0, equals), word.slice(equals + 1)];
  });
}

/** The words of an exec form, or null when the text is a shell form. */
export function execWords(text: string): string[] | null {
  if (!text.startsWith("[")) return null;
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) && value.every((word) => typeof word === "string") ? value : null;
  } catch {
    return null;
  }
}
