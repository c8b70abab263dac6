/**
 * What in a secret's text is the secret. A step rarely prints a file as it is: it prints the token of an `.npmrc`, the
 * password of a `.netrc`, a value of a `.env` or of JSON. Each of these is masked as well as the whole and its lines.
 */

/** Shorter pieces stand in too much other text. */
const SHORTEST = 6;

/** `name=value`, `name: value`, in quotes or not. */
const ASSIGNED = /[=:]\s*["'`]?([^\s"'`,;]+)["'`]?/g;
/** `scheme://user:password@host`. */
const IN_URL = /:\/\/[^\s/:@]*:([^\s/@]+)@/g;
/** `password value`, as `.netrc` and its like have it. */
const NAMED = /\b(?:password|passwd|token|secret|account|key|auth)\s+["']?([^\s"']+)/gi;

/** The whole, its lines, and the values in it; each once. */
export function secretParts(text: string): readonly string[] {
  const lines = text.split(/\r?\n/).map((line) => line.trim());
  const values = lines.flatMap((line) =>
    [ASSIGNED, IN_URL, NAMED].flatMap((pattern) => [...line.matchAll(pattern)].map(([, value = ""]) => value)),
  );
  // A value that has separators of its own, as a connection string has, is a secret from the first of them on.
  const tails = lines.flatMap((line) => {
    const equals = line.indexOf("=");
    return equals === -1
      ? []
      : [
          line
            .slice(equals + 1)
            .trim()
            .replace(/^["'](.*)["']$/, "$1"),
        ];
  });
  const parts = [text.trim(), ...lines, ...values, ...tails].filter((part) => part.length >= SHORTEST);
  return [...new Set([text, ...parts])];
}
