import { fail } from "../errors.ts";

/** The largest Dockerfile that is read, in characters. */
const largest = 4 * 1024 * 1024;
/** The parser's time grows with the square of an instruction's flags; nobody writes this many. */
const mostFlags = 1000;

/** The text itself, unless it is too large to be read in reasonable time. Throws `INVALID_INPUT`. */
export function withinLimits(content: string): string {
  const remedy = "Split the file, or move what it writes into files that it copies.";
  if (content.length > largest) {
    throw fail("INVALID_INPUT", `the Dockerfile has ${content.length} characters; at most ${largest} are read`, {
      remedy,
    });
  }
  if (longestFlagRow(content) > mostFlags) {
    throw fail("INVALID_INPUT", `an instruction of the Dockerfile has more than ${mostFlags} flags`, { remedy });
  }
  return content;
}

/** The most words in a row that begin with `--`; line continuations between them do not count. */
function longestFlagRow(content: string): number {
  let longest = 0;
  let row = 0;
  for (const [word] of content.matchAll(/\S+/g)) {
    if (word.startsWith("--")) row++;
    else if (word !== "\\" && word !== "`") row = 0;
    longest = Math.max(longest, row);
  }
  return longest;
}
