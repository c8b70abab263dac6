/**
 * Pieces of Dockerfile text that hold somebody else's words: a name, a description, a path, a start command.
 *
 * - D1  Nothing of these can begin a line: control characters and line separators become spaces before anything else.
 * - D2  In double quotes `\`, `"` and `$` are escaped, so that a value is that value after BuildKit's own expansion.
 * - D3  Commands are JSON arrays: no shell reads them and nothing in them is expanded.
 * - D4  A path that COPY would expand or match is refused, because it could name something else.
 */
import { fail } from "../errors.ts";

/** (D1) One line of printable text, at most `limit` characters. */
export function oneLine(text: string, limit = 300): string {
  const clean = text
    .replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]+/gu, " ")
    .replace(/ {2,}/g, " ")
    .trim();
  return clean
    .slice(0, limit)
    .replace(/\p{Cs}/gu, "")
    .trim();
}

/** (D1) (D2) A value for ENV, LABEL and ARG. */
export function quoted(text: string): string {
  return `"${oneLine(text).replace(/[\\"$]/g, (character) => `\\${character}`)}"`;
}

/** (D3) The exec form of a command. */
export function execForm(argv: readonly string[]): string {
  return JSON.stringify(argv);
}

const plainPath = /^[\w@+=:,./-]+$/;

/** (D4) Whether COPY takes the path for just that path; a space is fine in the JSON form. */
export function isCopyable(path: string): boolean {
  return /^[\w@+=:,./ -]+$/.test(path) && !path.startsWith("-") && !path.startsWith("http") && !path.includes("://");
}

export interface CopyOptions {
  readonly from?: string;
  readonly chown?: string;
}

/** A COPY instruction. Throws `UNSUPPORTED` for a path that it could not name exactly (D4). */
export function copy(sources: readonly string[], target: string, { from, chown }: CopyOptions = {}): string {
  const odd = [...sources, target].find((path) => !isCopyable(path));
  if (odd !== undefined) {
    throw fail("UNSUPPORTED", `a Dockerfile cannot name the path ${JSON.stringify(oneLine(odd, 100))} exactly`, {
      remedy: "Rename the file or folder to letters, digits, dots, dashes and underscores.",
      details: { path: odd },
    });
  }
  const flags = [
    ...(from === undefined ? [] : [`--from=${from}`]),
    ...(chown === undefined ? [] : [`--chown=${chown}`]),
  ];
  const words = [...sources, target];
  const paths = words.every((word) => plainPath.test(word)) ? words.join(" ") : JSON.stringify(words);
  return ["COPY", ...flags, paths].join(" ");
}

/** A word of a shell line in a RUN instruction. */
export function shellWord(word: string): string {
  return plainPath.test(word) ? word : `'${oneLine(word, 1000).replaceAll("'", `'\\''`)}'`;
}

/** RUN with its mounts and steps, one a line. */
export function run(mounts: readonly string[], steps: readonly string[]): string {
  return `RUN ${[...mounts.map((mount) => `--mount=${mount}`), steps.join(" \\\n && ")].join(" \\\n    ")}`;
}

/** A comment line. */
export function comment(text: string): string {
  return `# ${oneLine(text, 400)}`;
}
