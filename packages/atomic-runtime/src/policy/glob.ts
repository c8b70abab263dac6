/**
 * Patterns of names with a path: `*` stands for anything within one part, `**` for anything across parts.
 *
 * - M1  Matching takes a time that grows with pattern times text, whatever both hold: all ways are followed at once, none
 *       is tried again.
 * - M2  A pattern matches the whole text or nothing.
 */

/** The longest pattern that is taken. */
export const LONGEST_PATTERN = 300;

type Piece = { readonly kind: "text"; readonly character: string } | { readonly kind: "part" | "all" };

/** Makes the test of one pattern. */
export function compileGlob(pattern: string): (text: string) => boolean {
  const pieces = piecesOf(pattern);
  return (text) => {
    let at = closure(new Set([0]), pieces);
    for (const character of text) {
      if (at.size === 0) return false;
      at = closure(step(at, pieces, character), pieces);
    }
    return at.has(pieces.length);
  };
}

function piecesOf(pattern: string): readonly Piece[] {
  return Array.from(pattern.matchAll(/\*+|[^*]/gsu), ([piece]) => {
    if (!piece.startsWith("*")) return { kind: "text", character: piece };
    return { kind: piece === "*" ? "part" : "all" };
  });
}

/** A star may stand for nothing. */
function closure(at: ReadonlySet<number>, pieces: readonly Piece[]): ReadonlySet<number> {
  const all = new Set<number>();
  for (let position of at) {
    all.add(position);
    while (position < pieces.length && pieces[position]?.kind !== "text") all.add(++position);
  }
  return all;
}

function step(at: ReadonlySet<number>, pieces: readonly Piece[], character: string): ReadonlySet<number> {
  const next = new Set<number>();
  for (const position of at) {
    const piece = pieces[position];
    if (piece === undefined) continue;
    if (piece.kind === "text") {
      if (piece.character === character) next.add(position + 1);
    } else if (piece.kind === "all" || character !== "/") next.add(position);
  }
  return next;
}
