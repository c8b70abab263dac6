/**
 * Words of a Dockerfile line: separated by blanks, with quotes taken off and escapes undone as BuildKit's lexer does.
 * One pass over the characters.
 */
export function splitWords(text: string): string[] {
  const words: string[] = [];
  let word: string[] | null = null;
  let quote = "";
  for (let at = 0; at < text.length; at++) {
    const character = text[at] ?? "";
    if (character === "\\" && quote !== "'" && at + 1 < text.length) {
      const next = text[++at] ?? "";
      // In double quotes a backslash before an ordinary character is that backslash.
      word ??= [];
      word.push(quote === '"' && !['"', "$", "\\"].includes(next) ? `\\${next}` : next);
    } else if (quote !== "") {
      if (character === quote) quote = "";
      else word?.push(character);
    } else if (character === '"' || character === "'") {
      quote = character;
      word ??= [];
    } else if (/\s/.test(character)) {
      if (word !== null) words.push(word.join(""));
      word = null;
    } else {
      word ??= [];
      word.push(character);
    }
  }
  if (word !== null) words.push(word.join(""));
  return words;
}
