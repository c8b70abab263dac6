/**
 * Path patterns as `.dockerignore`, COPY and workspace lists write them, matched without regular expressions.
 *
 * - G1  Time is at most pattern length times path length: all places in the pattern are followed at once, so no
 *       pattern of an untrusted repository can make the matcher backtrack.
 * - G2  `*` and `?` stop at `/`; `**` crosses it; a `**` followed by `/` also matches nothing at all, as in moby's patternmatcher.
 */
type Token =
  | { readonly kind: "literal"; readonly character: string }
  | { readonly kind: "one" }
  | { readonly kind: "many" }
  | { readonly kind: "deep"; readonly slash: boolean }
  | { readonly kind: "class"; readonly negated: boolean; readonly ranges: readonly (readonly [string, string])[] };

/** A pattern that is ready to be matched against paths. */
export interface Glob {
  matches(path: string): boolean;
}

/** Prepares a pattern. Longer ones than 1,024 characters match nothing. */
export function compileGlob(pattern: string): Glob {
  if (pattern.length > 1024) return { matches: () => false };
  const tokens = tokenize(pattern);
  return { matches: (path) => run(tokens, path) };
}

/** Whether the text holds a character that a pattern treats specially. */
export function isPattern(text: string): boolean {
  return /[*?[\]\\]/.test(text);
}

function tokenize(pattern: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < pattern.length) {
    const character = pattern[at] ?? "";
    if (character === "*" && pattern[at + 1] === "*") {
      while (pattern[at] === "*") at++;
      const slash = pattern[at] === "/";
      const last = tokens.at(-1);
      // `**/**/` is `**/`: without this, a chain of them would make the steps long (G1).
      if (!(slash && last?.kind === "deep" && last.slash)) tokens.push({ kind: "deep", slash });
      if (slash) at++;
    } else if (character === "[" && pattern.indexOf("]", at + 2) !== -1) {
      const end = pattern.indexOf("]", at + 2);
      tokens.push(parseClass(pattern.slice(at + 1, end)));
      at = end + 1;
    } else {
      if (character === "*") tokens.push({ kind: "many" });
      else if (character === "?") tokens.push({ kind: "one" });
      else if (character === "\\" && at + 1 < pattern.length)
        tokens.push({ kind: "literal", character: pattern[++at] ?? "" });
      else tokens.push({ kind: "literal", character });
      at++;
    }
  }
  return tokens;
}

function parseClass(body: string): Token {
  const negated = body.startsWith("^");
  const text = negated ? body.slice(1) : body;
  const ranges: [string, string][] = [];
  for (let at = 0; at < text.length; at++) {
    const from = text[at] ?? "";
    const to = text[at + 1] === "-" ? text[at + 2] : undefined;
    ranges.push([from, to ?? from]);
    if (to !== undefined) at += 2;
  }
  return { kind: "class", negated, ranges };
}

/** (G1) `places` holds every token index that the text so far can stand before. */
function run(tokens: readonly Token[], path: string): boolean {
  let places = new Set<number>();
  enter(tokens, 0, places);
  for (const character of path) {
    const next = new Set<number>();
    for (const place of places) step({ tokens, place, character, next });
    if (next.size === 0) return false;
    places = next;
  }
  return places.has(tokens.length);
}

/** Adds a place and all that are reached from it without reading a character. */
function enter(tokens: readonly Token[], place: number, places: Set<number>): void {
  for (let at = place; ; at++) {
    places.add(at);
    const token = tokens[at];
    if (token?.kind !== "many" && token?.kind !== "deep") return;
  }
}

interface Step {
  readonly tokens: readonly Token[];
  readonly place: number;
  readonly character: string;
  readonly next: Set<number>;
}

function step({ tokens, place, character, next }: Step): void {
  const token = tokens[place];
  if (token === undefined) return;
  switch (token.kind) {
    case "literal":
      if (token.character === character) enter(tokens, place + 1, next);
      return;
    case "one":
      if (character !== "/") enter(tokens, place + 1, next);
      return;
    case "class":
      if (character !== "/" && inClass(token.ranges, character) !== token.negated) enter(tokens, place + 1, next);
      return;
    case "many":
      if (character !== "/") enter(tokens, place, next);
      return;
    case "deep":
      // With a slash behind it, what follows may begin only after a slash (G2); the place itself stays open.
      if (!token.slash || character === "/") enter(tokens, place, next);
      else next.add(place);
      return;
  }
}

function inClass(ranges: readonly (readonly [string, string])[], character: string): boolean {
  return ranges.some(([from, to]) => character >= from && character <= to);
}
