/**
 * JavaScript and TypeScript text with its comments blanked out, so that `// app.listen(4000)` is not taken for code.
 * No parser: one pass over the characters, which keeps every offset and line where it was.
 */

/** The text with comments replaced by spaces. Linear in its length. */
export function blankComments(text: string): string {
  const out: string[] = [];
  let at = 0;
  let lastSolid = "";
  while (at < text.length) {
    const character = text[at] ?? "";
    const end = endOfToken(text, at, lastSolid);
    const token = text.slice(at, end);
    const isComment = character === "/" && (text[at + 1] === "/" || text[at + 1] === "*") && end > at + 1;
    out.push(isComment ? token.replace(/[^\n]/g, " ") : token);
    if (!isComment && token.trim() !== "") lastSolid = token.at(-1) ?? "";
    at = end;
  }
  return out.join("");
}

function endOfToken(text: string, at: number, lastSolid: string): number {
  const character = text[at];
  if (character === "/" && text[at + 1] === "/") return endOr(text.indexOf("\n", at), text.length);
  if (character === "/" && text[at + 1] === "*") return endOr(text.indexOf("*/", at + 2), text.length - 2) + 2;
  if (character === '"' || character === "'" || character === "`") return endOfString(text, at, character);
  if (character === "/" && beginsRegularExpression(lastSolid)) return endOfRegularExpression(text, at);
  return at + 1;
}

function endOr(found: number, otherwise: number): number {
  return found === -1 ? otherwise : found;
}

/** Only template literals cross lines: a quote that is not closed takes the rest of its line, so no text is read twice. */
function endOfString(text: string, at: number, quote: string): number {
  for (let index = at + 1; index < text.length; index++) {
    const character = text[index];
    if (character === "\\") index++;
    else if (character === quote) return index + 1;
    else if (character === "\n" && quote !== "`") return index;
  }
  return text.length;
}

/** After these a slash begins a pattern; after a name, a number or a bracket it divides. */
function beginsRegularExpression(lastSolid: string): boolean {
  return lastSolid === "" || "(,=:[!&|?{};+-*%<>~^".includes(lastSolid);
}

/** No pattern that people write is longer; the bound keeps unclosed ones from being read again and again. */
const LONGEST_PATTERN = 500;

function endOfRegularExpression(text: string, at: number): number {
  let inClass = false;
  for (let index = at + 1; index < Math.min(text.length, at + LONGEST_PATTERN); index++) {
    const character = text[index];
    if (character === "\n") return at + 1;
    if (character === "\\") index++;
    else if (character === "[") inClass = true;
    else if (character === "]") inClass = false;
    else if (character === "/" && !inClass) return index + 1;
  }
  return at + 1;
}

/** Turns offsets of one text into line numbers; the offsets must not decrease. */
export function lineCounter(text: string): (offset: number) => number {
  let line = 1;
  let at = 0;
  return (offset) => {
    if (offset < at) {
      line = 1;
      at = 0;
    }
    for (; at < offset; at++) if (text[at] === "\n") line++;
    return line;
  };
}

/**
 * The text of one bracketed piece: from just after `open` to its closing bracket, or at most `limit` characters.
 * Strings are passed over, so a bracket in one does not count.
 */
export function bracketed(text: string, open: number, limit = 400): string {
  const piece = text.slice(open, open + limit);
  let depth = 1;
  for (let at = 0; at < piece.length; at++) {
    const character = piece[at] ?? "";
    if (character === '"' || character === "'" || character === "`") at = endOfString(piece, at, character) - 1;
    else if ("([{".includes(character)) depth++;
    else if (")]}".includes(character) && --depth === 0) return piece.slice(0, at);
  }
  return piece;
}

/** Splits at the commas that lie in no bracket and no string. */
export function splitArguments(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let from = 0;
  for (let at = 0; at < text.length; at++) {
    const character = text[at] ?? "";
    if (character === '"' || character === "'" || character === "`") at = endOfString(text, at, character) - 1;
    else if ("([{".includes(character)) depth++;
    else if (")]}".includes(character)) depth--;
    else if (character === "," && depth === 0) {
      parts.push(text.slice(from, at).trim());
      from = at + 1;
    }
  }
  parts.push(text.slice(from).trim());
  return parts;
}
