/**
 * Which types of events somebody wants.
 *
 * - P1  A pattern is taken apart once and compared word by word; nothing of it becomes a regular expression.
 * - P2  `**` tries the fewest words first and only the last one is ever widened, so that a comparison takes at most as
 *       many steps as the words of both multiplied.
 */
import { invalid } from "../errors.ts";

/** Whether a type is wanted. */
export type Pattern = (type: string) => boolean;

const WORD = /^[a-z0-9_-]+$/;
const TYPE = /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/;
const LONGEST = 200;

/** What is wrong with the type of an event, or undefined. */
export function findTypeFault(type: unknown): string | undefined {
  if (typeof type !== "string" || type.length > LONGEST) return `must be text of at most ${LONGEST} characters`;
  return TYPE.test(type) ? undefined : "must be words of a-z, 0-9, '_' and '-' with dots between them";
}

/** @throws INVALID_INPUT */
export function parsePattern(pattern: string): Pattern {
  const words = typeof pattern === "string" && pattern.length <= LONGEST ? pattern.split(".") : [];
  if (words.length === 0 || !words.every((word) => word === "*" || word === "**" || WORD.test(word))) {
    throw invalid("pattern", "must be words of a-z, 0-9, '_' and '-', '*' or '**' with dots between them");
  }
  if (pattern === "**") return () => true;
  if (!pattern.includes("*")) return (type) => type === pattern;
  return (type) => matches(words, type.split("."));
}

function matches(pattern: readonly string[], words: readonly string[]): boolean {
  let at = 0;
  let word = 0;
  // Where to go on when a word does not fit: after the last `**`, which then takes one word more (P2).
  let again: { readonly at: number; word: number } | undefined;
  while (word < words.length) {
    const part = pattern[at];
    if (part === "**") {
      again = { at: at + 1, word };
      at += 1;
    } else if (part === "*" || part === words[word]) {
      at += 1;
      word += 1;
    } else if (again !== undefined) {
      again.word += 1;
      ({ at, word } = again);
    } else {
      return false;
    }
  }
  return pattern.slice(at).every((part) => part === "**");
}
