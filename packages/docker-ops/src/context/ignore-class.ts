/** Classes and escapes of ignore patterns: those that are Go `filepath.Match` patterns and Go regular expressions at once. */

/** Whether a character matches. */
export type Test = (character: string) => boolean;

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

/** What an escaped character matches. @throws SyntaxError */
export function escaped(character: string | undefined): Test {
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
  if (/^[0-9A-Za-z]$/.test(character) || character > "\u007f")
    throw new SyntaxError(`\`\\${character}\`, which has no meaning`);
  return character;
}

const POSIX: Readonly<Record<string, RegExp>> = {
  alnum: /^[0-9A-Za-z]$/,
  alpha: /^[A-Za-z]$/,
  ascii: /^[\0-\u007f]$/,
  blank: /^[\t ]$/,
  // oxlint-disable-next-line no-control-regex -- control characters are what it is about
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

/** A class, from its `[` on. It must be one for Go's `filepath.Match` as well. @throws SyntaxError */
export function parseClass(characters: readonly string[], from: number): { test: Test; end: number } {
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
  return { test: (other) => tests.some((test) => test(other)) !== negated, end: at + 1 };
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

/** What `filepath.Match` wants of a class. @throws SyntaxError */
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
