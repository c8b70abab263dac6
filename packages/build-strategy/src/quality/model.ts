/**
 * A Dockerfile as the checks read it: stages, what each inherits, instructions with their words.
 * The grammar is dockerfile-ast's; this file only arranges what it found.
 */
import { DockerfileParser, ModifiableInstruction } from "dockerfile-ast";
import type { Instruction as AstInstruction } from "dockerfile-ast";
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
  const parsed = DockerfileParser.parse(content.replace(/^\uFEFF/, ""));
  const instructions = parsed.getInstructions().map(toInstruction);
  const directives = new Map(parsed.getDirectives().map((one) => [one.getName().toLowerCase(), one.getValue()]));
  const first = instructions.findIndex((one) => one.keyword === "FROM");
  const head = first === -1 ? instructions : instructions.slice(0, first);
  const globals = readGlobals(head);
  return { directives, instructions, head, globals, stages: readStages(instructions.slice(head.length), globals) };
}

function toInstruction(one: AstInstruction): Instruction {
  const { line, character } = one.getRange().start;
  const flags = one instanceof ModifiableInstruction ? one.getFlags() : [];
  return {
    keyword: one.getKeyword(),
    flags: new Map(flags.map((flag) => [flag.getName().toLowerCase(), flag.getValue() ?? ""])),
    mounts: flags.filter((flag) => flag.getName().toLowerCase() === "mount").map((flag) => flag.getValue() ?? ""),
    text: (one.getArgumentsContent() ?? "").trim(),
    line: line + 1,
    column: character + 1,
  };
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

/** `$NAME`, `${NAME}` and `${NAME:-default}` with known values; an unknown one is left as it is written. */
export function expand(text: string, values: ReadonlyMap<string, string>): string {
  return text.replace(
    /\$(?:\{(\w{1,100})(?::?-([^{}]{0,300}))?\}|(\w{1,100}))/g,
    (whole: string, braced: string | undefined, fallback: string | undefined, bare: string | undefined) =>
      values.get(braced ?? bare ?? "") ?? fallback ?? whole,
  );
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
