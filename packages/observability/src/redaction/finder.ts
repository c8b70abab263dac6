/**
 * Says whether one of many words may be in a text, looking only at every few characters of it.
 *
 * The way of Wu and Manber: a table says for each block of three characters how far the next word's end must be, and
 * only where a block may end a word's beginning is that looked up. The blocks share the table's places, so that it may
 * find nothing too early but never something too late.
 */
export type Finder = (text: string) => boolean;

const BLOCK = 3;
const PLACES = 65_536;
/** Below this, asking for each word by itself is faster than the table. */
const FEW = 6;

/** Makes a finder for words of at least four characters. It has no false alarms but for words that begin alike. */
export function createFinder(words: readonly string[]): Finder {
  const shortest = words.reduce((least, { length }) => Math.min(least, length), Number.POSITIVE_INFINITY);
  if (words.length === 0) return () => false;
  if (words.length <= FEW || shortest <= BLOCK) return (text) => text.length >= shortest;
  const beginnings = new Set(words.map((word) => word.slice(0, shortest)));
  const steps = new Uint8Array(PLACES).fill(Math.min(shortest - BLOCK + 1, 255));
  for (const word of beginnings) {
    for (let end = BLOCK - 1; end < shortest; end += 1) {
      const at = place(word, end);
      steps[at] = Math.min(steps[at] ?? 0, shortest - 1 - end);
    }
  }
  return (text) => {
    let end = shortest - 1;
    while (end < text.length) {
      const step = steps[place(text, end)] ?? 0;
      if (step === 0 && beginnings.has(text.slice(end - shortest + 1, end + 1))) return true;
      end += step || 1;
    }
    return false;
  };
}

function place(text: string, end: number): number {
  const block = (text.charCodeAt(end - 2) << 10) ^ (text.charCodeAt(end - 1) << 5) ^ text.charCodeAt(end);
  return block & (PLACES - 1);
}
