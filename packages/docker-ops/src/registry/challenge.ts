/** A `WWW-Authenticate` challenge (RFC 9110 section 11.6.1; bearer fields of the distribution token specification). */
export interface Challenge {
  readonly scheme: "basic" | "bearer";
  readonly realm?: string;
  readonly service?: string;
  readonly scope?: string;
}

/** A longer header is not read: real ones have a few hundred characters. */
const LONGEST = 8192;

const SEPARATORS = /[\s,]*/y;
const TOKEN = /[\w!#$%&'*+.^`|~-]+/y;
const EQUALS = /[ \t]*=[ \t]*/y;
/** A quote that is never closed reaches to the end. */
const QUOTED = /"((?:[^"\\]|\\[^])*)(?:"|\\?$)/y;
const BARE = /[^\s,]*/y;

/** The challenge that we can answer, or null. Bearer is preferred where both are offered. */
export function parseChallenge(header: string | undefined): Challenge | null {
  if (header === undefined || header.length > LONGEST) return null;
  const challenges = readChallenges(header);
  const bearer = challenges.find(({ scheme, parameters }) => scheme === "bearer" && parameters.has("realm"));
  if (bearer !== undefined) {
    const fields = ["realm", "service", "scope"].flatMap((name) => {
      const value = bearer.parameters.get(name);
      return value === undefined ? [] : [[name, value]];
    });
    return { scheme: "bearer", ...Object.fromEntries(fields) };
  }
  return challenges.some(({ scheme }) => scheme === "basic") ? { scheme: "basic" } : null;
}

interface RawChallenge {
  readonly scheme: string;
  readonly parameters: Map<string, string>;
}

/** One pass from left to right: a word with `=` after it belongs to the challenge before it, any other begins one. */
function readChallenges(header: string): readonly RawChallenge[] {
  const challenges: RawChallenge[] = [];
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const match = pattern.exec(header);
    if (match !== null) at = pattern.lastIndex;
    return match;
  };
  while (at < header.length) {
    take(SEPARATORS);
    const word = take(TOKEN)?.[0].toLowerCase();
    if (word === undefined) at += 1;
    else if (take(EQUALS) === null) challenges.push({ scheme: word, parameters: new Map() });
    else {
      const value = take(QUOTED)?.[1]?.replaceAll(/\\([^])/g, "$1") ?? take(BARE)?.[0] ?? "";
      const { parameters } = challenges.at(-1) ?? {};
      // The first of two wins: what comes later may be another's addition.
      if (parameters?.has(word) === false) parameters.set(word, value);
    }
  }
  return challenges;
}
