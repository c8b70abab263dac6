/**
 * One pattern of an ignore file, with the meaning that moby's patternmatcher gives it.
 *
 * - P1  A pattern is first a Go `filepath.Match` pattern: what that calls malformed is refused.
 * - P2  It is then matched as moby matches it: `**` is any number of folders, also none; a pattern without wildcards is
 *       compared as text; `**` at the very beginning or end compares an end or a beginning as text. A class is one of
 *       Go's regular expressions.
 * - P3  Where a pattern has wildcards, `|` and `{2}` mean what they mean in a regular expression, because moby does not
 *       escape them there: `a|*` is anything that begins with `a`, or anything.
 * - P4  Matching takes time in proportion to the path and the pattern: patterns come from repositories, and a regular
 *       expression that backtracks would let one of them hold the whole program.
 * - P5  A letter after a backslash means what it means in a Go regular expression, where it is one of
 *       `\d \w \s \a \f \n \r \t \v \b \A \z`. Other letters and digits are refused, `\Q`, `\p` and `\x` among them.
 */

import { escaped, parseClass } from "./ignore-class.ts";
import type { Test } from "./ignore-class.ts";

export interface IgnorePattern {
  /** Without the `!`. */
  readonly text: string;
  /** Begins with `!`: what matches is wanted after all. */
  readonly exclusion: boolean;
  matches(path: string): boolean;
}

/** @param line trimmed and cleaned. @throws SyntaxError that says what is wrong */
export function compilePattern(line: string): IgnorePattern {
  const exclusion = line.startsWith("!");
  const text = exclusion ? line.slice(1) : line;
  if (text === "") throw new SyntaxError("a `!` with nothing after it");
  const parsed = parse(Array.from(text));
  if (parsed.kind === "general" && parsed.malformed !== undefined)
    throw new SyntaxError(`\`${parsed.malformed}\`, which repeats nothing that can be repeated`);
  return { text, exclusion, matches: matcherOf(parsed, text) };
}

type Kind = "exact" | "prefix" | "suffix" | "general";
/** Whether a place between two characters will do; the text is empty before the first and after the last. */
type Between = (before: string, after: string) => boolean;

/** `one` takes a character, `maybe` one or none, `many` any number; `folders` is followed by the `loop` that takes whole folders. */
type Token =
  | { readonly kind: "one" | "maybe" | "many"; readonly test: Test; readonly literal?: string }
  | { readonly kind: "between"; readonly test: Between }
  | { readonly kind: "folders" }
  | { readonly kind: "loop" };

interface Parsed {
  /** What stands between `|`. */
  readonly branches: Token[][];
  kind: Kind;
  /** Whether what came last is repeated already: it cannot be repeated again. */
  repeated: boolean;
  /** A repetition that a regular expression cannot have. */
  malformed: string | undefined;
}

const notSlash: Test = (character) => character !== "/";
const notNewline: Test = (character) => character !== "\n";
const anything: Test = () => true;

/** More would be a pattern that wants to do harm. */
const MOST_TOKENS = 100_000;

function parse(characters: readonly string[]): Parsed {
  const parsed: Parsed = { branches: [[]], kind: "exact", repeated: false, malformed: undefined };
  let count = 0;
  for (let at = 0; at < characters.length;) {
    const before = parsed.branches.at(-1)?.length ?? 0;
    const next = parseNext(parsed, characters, at);
    parsed.repeated = characters[at] === "*" || (characters[at] === "{" && next > at + 1);
    at = next;
    count += Math.max(1, (parsed.branches.at(-1)?.length ?? 0) - before);
    if (count > MOST_TOKENS) throw new SyntaxError("too many repetitions");
  }
  return parsed;
}

/** Takes what begins here. Returns where the next begins. */
function parseNext(parsed: Parsed, characters: readonly string[], at: number): number {
  const tokens = parsed.branches.at(-1) ?? [];
  const character = characters[at] ?? "";
  const next = characters[at + 1];
  switch (character) {
    case "*":
      if (next === "*") return parseDoubleStar(parsed, characters, at);
      tokens.push({ kind: "many", test: notSlash });
      parsed.kind = "general";
      return at + 1;
    case "?":
      tokens.push({ kind: "one", test: notSlash });
      parsed.kind = "general";
      return at + 1;
    case "\\": {
      const between = BETWEEN[next ?? ""];
      tokens.push(between === undefined ? { kind: "one", test: escaped(next) } : { kind: "between", test: between });
      parsed.kind = "general";
      return at + 2;
    }
    case "[": {
      const { test, end } = parseClass(characters, at);
      tokens.push({ kind: "one", test });
      parsed.kind = "general";
      return end;
    }
    case "{":
      return parseRepetition(parsed, characters, at);
    case "|":
      parsed.branches.push([]);
      return at + 1;
    case "^":
      tokens.push({ kind: "between", test: atBeginning });
      return at + 1;
    default:
      if (character === "]") parsed.kind = "general";
      tokens.push({ kind: "one", test: (other) => other === character, literal: character });
      return at + 1;
  }
}

function parseDoubleStar(parsed: Parsed, characters: readonly string[], at: number): number {
  const next = characters[at + 2] === "/" ? at + 3 : at + 2;
  if (next < characters.length) {
    parsed.branches.at(-1)?.push({ kind: "folders" }, { kind: "loop" });
    parsed.kind = "general";
  } else if (parsed.kind === "exact") {
    parsed.kind = "prefix";
  } else {
    parsed.branches.at(-1)?.push({ kind: "many", test: notNewline });
    parsed.kind = "general";
  }
  if (at === 0) parsed.kind = "suffix";
  return next;
}

const MOST_REPETITIONS = 1000;

/** P3 */
function parseRepetition(parsed: Parsed, characters: readonly string[], at: number): number {
  const tokens = parsed.branches.at(-1) ?? [];
  const found = /^\{(0|[1-9]\d*)(,(0|[1-9]\d*)?)?\}/.exec(characters.slice(at, at + 24).join(""));
  if (found === null) {
    tokens.push({ kind: "one", test: (other) => other === "{" });
    return at + 1;
  }
  const least = Number(found[1]);
  const most = found[2] === undefined ? least : found[3] === undefined ? Infinity : Number(found[3]);
  const last = tokens.pop() ?? (parsed.branches.length === 1 ? BEGINNING : undefined);
  const tooMany = least > MOST_REPETITIONS || (most !== Infinity && most > MOST_REPETITIONS);
  // Without wildcards none of this is a regular expression, and none of it is wrong.
  parsed.malformed ??= last === undefined || parsed.repeated || tooMany || most < least ? found[0] : undefined;
  if (last === undefined || tooMany) return at + found[0].length;
  repeat(tokens, last, { least, most });
  return at + found[0].length;
}

function repeat(tokens: Token[], token: Token, { least, most }: { least: number; most: number }): void {
  for (let count = 0; count < least; count += 1) tokens.push(token);
  if (token.kind !== "one") return;
  if (most === Infinity) tokens.push({ kind: "many", test: token.test });
  else for (let count = least; count < most; count += 1) tokens.push({ kind: "maybe", test: token.test });
}

function matcherOf({ kind, branches }: Parsed, text: string): (path: string) => boolean {
  switch (kind) {
    case "exact":
      return (path) => path === text;
    case "prefix": {
      const beginning = text.slice(0, -2);
      return (path) => path.startsWith(beginning);
    }
    case "suffix": {
      const end = text.slice(2);
      return (path) => path.endsWith(end) || (end.startsWith("/") && path === end.slice(1));
    }
    default: {
      // The first branch alone is held to the beginning, and the last alone to the end.
      const last = branches.length - 1;
      const whole = branches.map((tokens, index) => [
        ...(index === 0 ? [] : [ANYTHING]),
        ...tokens,
        ...(index === last ? [] : [ANYTHING]),
      ]);
      const [only] = last === 0 ? branches : [];
      if (only === undefined) return (path) => whole.some((tokens) => run(tokens, path));
      const [beginning, end] = literalEnds(only);
      return (path) => path.startsWith(beginning) && path.endsWith(end) && run(only, path);
    }
  }
}

/** What every path that matches begins and ends with: that is looked at first, as most paths fail there. */
function literalEnds(tokens: readonly Token[]): readonly [beginning: string, end: string] {
  const letters = tokens.map((token) => (token.kind === "one" ? token.literal : undefined));
  const first = letters.indexOf(undefined);
  const last = letters.lastIndexOf(undefined);
  if (first === -1) return [letters.join(""), ""];
  return [letters.slice(0, first).join(""), letters.slice(last + 1).join("")];
}

/** P4: every place in the pattern that the path so far can have reached, character by character. */
function run(tokens: readonly Token[], path: string): boolean {
  const characters = Array.from(path);
  let reached = createPlaces(tokens, "", characters[0] ?? "");
  reached.add(0);
  for (const [index, character] of characters.entries()) {
    const next = createPlaces(tokens, character, characters[index + 1] ?? "");
    for (const place of reached.places) step(tokens[place], place, { character, next });
    if (next.places.size === 0) return false;
    reached = next;
  }
  return reached.places.has(tokens.length);
}

interface Places {
  readonly places: ReadonlySet<number>;
  /** Adds a place, and those that are reached from it without a character. */
  add(place: number): void;
}

function createPlaces(tokens: readonly Token[], before: string, after: string): Places {
  const places = new Set<number>();
  const add = (first: number): void => {
    const waiting = [first];
    for (let place = waiting.pop(); place !== undefined; place = waiting.pop()) {
      if (places.has(place)) continue;
      places.add(place);
      const token = tokens[place];
      if (token?.kind === "many" || token?.kind === "maybe" || token?.kind === "folders") waiting.push(place + 1);
      if (token?.kind === "folders") waiting.push(place + 2);
      if (token?.kind === "between" && token.test(before, after)) waiting.push(place + 1);
    }
  };
  return { places, add };
}

function step(token: Token | undefined, place: number, taking: { character: string; next: Places }): void {
  const { character, next } = taking;
  if ((token?.kind === "one" || token?.kind === "maybe") && token.test(character)) next.add(place + 1);
  else if (token?.kind === "many" && token.test(character)) next.add(place);
  else if (token?.kind === "loop" && notNewline(character)) {
    next.add(place);
    if (character === "/") next.add(place + 1);
  }
}

const isWord: Test = (character) => /^[0-9A-Za-z_]$/.test(character);
const atBeginning: Between = (before) => before === "";
const BEGINNING: Token = { kind: "between", test: atBeginning };
const ANYTHING: Token = { kind: "many", test: anything };

const BETWEEN: Readonly<Record<string, Between>> = {
  A: atBeginning,
  z: (_before, after) => after === "",
  b: (before, after) => isWord(before) !== isWord(after),
  B: (before, after) => isWord(before) === isWord(after),
};
