/**
 * One pattern of an ignore file, with the meaning that moby's patternmatcher gives it.
 *
 * - P1  A pattern is first a Go `filepath.Match` pattern: what that calls malformed is refused.
 * - P2  It is then matched as moby matches it: `**` is any number of folders, also none; a pattern without wildcards is
 *       compared as text; `**` at the very beginning or end compares an end or a beginning as text. A class is one of
 *       Go's regular expressions.
 * - P3  Matching takes time in proportion to the path and the pattern: patterns come from repositories, and a regular
 *       expression that backtracks would let one of them hold the whole program.
 * - P4  Refused although Go knows them, because nobody means them: `\Q`, `\p`, `\x`, `\b` and other letters and digits
 *       after a backslash, besides the classes `\d \w \s` and the control characters `\a \f \n \r \t \v`.
 */

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
  const { tokens, kind } = tokenize([...text]);
  return { text, exclusion, matches: matcherOf(kind, text, tokens) };
}

type Kind = "exact" | "prefix" | "suffix" | "general";
type Test = (character: string) => boolean;

/** `one` takes a character, `many` any number; `folders` is followed by the `loop` that takes whole folders. */
type Token =
  | { readonly kind: "one" | "many"; readonly test: Test }
  | { readonly kind: "begin" }
  | { readonly kind: "folders" }
  | { readonly kind: "loop" };

interface Tokens {
  readonly tokens: Token[];
  kind: Kind;
}

const notSlash: Test = (character) => character !== "/";
const notNewline: Test = (character) => character !== "\n";

function tokenize(characters: readonly string[]): Tokens {
  const result: Tokens = { tokens: [], kind: "exact" };
  const { tokens } = result;
  for (let at = 0; at < characters.length; ) {
    const character = characters[at] ?? "";
    if (character === "*" && characters[at + 1] === "*") {
      const next = characters[at + 2] === "/" ? at + 3 : at + 2;
      addDoubleStar(result, at === 0, next >= characters.length);
      at = next;
    } else if (character === "*") {
      tokens.push({ kind: "many", test: notSlash });
      result.kind = "general";
      at += 1;
    } else if (character === "?") {
      tokens.push({ kind: "one", test: notSlash });
      result.kind = "general";
      at += 1;
    } else if (character === "\\") {
      tokens.push({ kind: "one", test: escaped(characters[at + 1]) });
      result.kind = "general";
      at += 2;
    } else if (character === "[") {
      const parsed = parseClass(characters, at);
      tokens.push({ kind: "one", test: parsed.test });
      result.kind = "general";
      at = parsed.next;
    } else {
      if (character === "]") result.kind = "general";
      // moby leaves `^` to the regular expression, where it stands for the beginning; alone it is compared as text.
      tokens.push(character === "^" ? { kind: "begin" } : { kind: "one", test: (other) => other === character });
      at += 1;
    }
  }
  return result;
}

function addDoubleStar(result: Tokens, first: boolean, last: boolean): void {
  if (last && result.kind === "exact") {
    result.kind = "prefix";
  } else if (last) {
    result.tokens.push({ kind: "many", test: notNewline });
    result.kind = "general";
  } else {
    result.tokens.push({ kind: "folders" }, { kind: "loop" });
    result.kind = "general";
  }
  if (first) result.kind = "suffix";
}

function matcherOf(kind: Kind, text: string, tokens: readonly Token[]): (path: string) => boolean {
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
    case "general":
      return (path) => run(tokens, path);
  }
}

/** P3: every place in the pattern that the path so far can have reached, character by character. */
function run(tokens: readonly Token[], path: string): boolean {
  let places = new Set<number>();
  reach(tokens, places, { place: 0, atBeginning: true });
  for (const character of path) {
    const next = new Set<number>();
    for (const place of places) step(tokens, next, place, character);
    if (next.size === 0) return false;
    places = next;
  }
  return places.has(tokens.length);
}

function step(tokens: readonly Token[], next: Set<number>, place: number, character: string): void {
  const token = tokens[place];
  const go = (to: number) => reach(tokens, next, { place: to, atBeginning: false });
  if (token?.kind === "one" && token.test(character)) go(place + 1);
  else if (token?.kind === "many" && token.test(character)) go(place);
  else if (token?.kind === "loop" && notNewline(character)) {
    go(place);
    if (character === "/") go(place + 1);
  }
}

function reach(tokens: readonly Token[], places: Set<number>, from: { place: number; atBeginning: boolean }): void {
  const { place, atBeginning } = from;
  if (places.has(place)) return;
  places.add(place);
  const token = tokens[place];
  if (token?.kind === "many" || (token?.kind === "begin" && atBeginning))
    reach(tokens, places, { place: place + 1, atBeginning });
  if (token?.kind === "folders") {
    reach(tokens, places, { place: place + 1, atBeginning });
    reach(tokens, places, { place: place + 2, atBeginning });
  }
}

const CONTROLS: Readonly<Record<string, string>> = {
  a: "\u0007",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
};

const CLASSES: Readonly<Record<string, RegExp>> = {
  d: /^[0-9]$/,
  w: /^[0-9A-Za-z_]$/,
  s: /^[\t\n\f\r ]$/,
};

function escaped(character: string | undefined): Test {
  if (character === undefined) throw new SyntaxError("a backslash at the end");
  const named = CLASSES[character.toLowerCase()];
  if (named !== undefined) {
    const wanted = character === character.toLowerCase();
    return (other) => named.test(other) === wanted;
  }
  const single = escapedCharacter(character);
  return (other) => other === single;
}

function escapedCharacter(character: string): string {
  const control = CONTROLS[character];
  if (control !== undefined) return control;
  if (/^[0-9A-Za-z]$|[^\0-\u007f]/u.test(character)) throw new SyntaxError(`\`\\${character}\`, which has no meaning`);
  return character;
}

const POSIX: Readonly<Record<string, RegExp>> = {
  alnum: /^[0-9A-Za-z]$/,
  alpha: /^[A-Za-z]$/,
  ascii: /^[\0-\u007f]$/,
  blank: /^[\t ]$/,
  cntrl: /^[\0-\u001f\u007f]$/,
  digit: /^[0-9]$/,
  graph: /^[!-~]$/,
  lower: /^[a-z]$/,
  print: /^[ -~]$/,
  punct: /^[!-/:-@[-`{-~]$/,
  space: /^[\t\n\v\f\r ]$/,
  upper: /^[A-Z]$/,
  word: /^[0-9A-Za-z_]$/,
  xdigit: /^[0-9A-Fa-f]$/,
};

/** A class, from its `[` on: first as `filepath.Match` takes it (P1), which is what decides where it may begin and end. */
function parseClass(characters: readonly string[], from: number): { test: Test; next: number } {
  checkClass(characters, from);
  const negated = characters[from + 1] === "^";
  const tests: Test[] = [];
  let at = from + (negated ? 2 : 1);
  const first = at;
  for (;;) {
    const character = characters[at];
    if (character === undefined) throw new SyntaxError("a `[` without its `]`");
    if (character === "]" && at > first) break;
    const posix = /^\[:(\^?)([a-z]*):\]/.exec(characters.slice(at, at + 12).join(""));
    if (posix !== null) {
      const named = POSIX[posix[2] ?? ""];
      if (named === undefined) throw new SyntaxError(`\`${posix[0]}\`, which is no class`);
      tests.push((other) => named.test(other) === (posix[1] === ""));
      at += posix[0].length;
    } else if (character === "\\" && CLASSES[(characters[at + 1] ?? "").toLowerCase()] !== undefined) {
      tests.push(escaped(characters[at + 1]));
      at += 2;
    } else {
      const range = parseRange(characters, at);
      tests.push(range.test);
      at = range.next;
    }
  }
  return { test: (other) => tests.some((test) => test(other)) !== negated, next: at + 1 };
}

function parseRange(characters: readonly string[], from: number): { test: Test; next: number } {
  const low = parseCharacter(characters, from);
  const upTo = characters[low.next] === "-" && characters[low.next + 1] !== "]";
  const high = upTo ? parseCharacter(characters, low.next + 1) : low;
  const [lowest, highest] = [low.value.codePointAt(0) ?? 0, high.value.codePointAt(0) ?? 0];
  if (highest < lowest) throw new SyntaxError(`\`${low.value}-${high.value}\`, which is a range of nothing`);
  return {
    test: (other) => {
      const point = other.codePointAt(0) ?? 0;
      return point >= lowest && point <= highest;
    },
    next: high.next,
  };
}

function parseCharacter(characters: readonly string[], at: number): { value: string; next: number } {
  const character = characters[at];
  const after = characters[at + 1];
  if (character === "\\" && after !== undefined) return { value: escapedCharacter(after), next: at + 2 };
  if (character === undefined) throw new SyntaxError("a `[` without its `]`");
  return { value: character, next: at + 1 };
}

/** P1 @throws SyntaxError */
function checkClass(characters: readonly string[], from: number): void {
  let at = from + (characters[from + 1] === "^" ? 2 : 1);
  const take = () => {
    const character = characters[at];
    if (character === "]" || character === "-") throw new SyntaxError(`a class that begins with \`${character}\``);
    at += character === "\\" ? 2 : 1;
    if (characters[at] === undefined) throw new SyntaxError("a `[` without its `]`");
  };
  do {
    take();
    if (characters[at] !== "-") continue;
    at += 1;
    take();
  } while (characters[at] !== "]");
}
