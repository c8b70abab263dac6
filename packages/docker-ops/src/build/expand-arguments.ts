import { fail } from "../errors.ts";

/** `$NAME`, `${NAME}`, `${NAME:-default}` and `${NAME:+instead}`. */
const VARIABLE = /\$(?:\{([A-Za-z_]\w*)(?:(:[-+])([^}]*))?\}|([A-Za-z_]\w*))/g;

/**
 * The longest text that ARGs may come to, in characters: no image's name is longer. Without a limit, each of a few lines
 * like `ARG B=${A}${A}` doubles the one before.
 */
const LONGEST = 4096;

/**
 * Puts the values of ARGs into a FROM, as the builder does (Dockerfile reference, "Environment replacement").
 *
 * @param line of the instruction, from 1
 * @throws DOCKERFILE_INVALID when that comes to more than 4,096 characters
 */
export function expandArguments(text: string, values: ReadonlyMap<string, string>, line: number): string {
  let expanded = "";
  let end = 0;
  const add = (part: string) => {
    expanded += part;
    if (expanded.length <= LONGEST) return;
    throw fail("DOCKERFILE_INVALID", `the values of line ${line} come to more than ${LONGEST} characters`, {
      details: { line, column: 1 },
    });
  };
  for (const match of text.matchAll(VARIABLE)) {
    add(text.slice(end, match.index));
    add(valueOf(match, values));
    end = match.index + match[0].length;
  }
  // What has no variable is the Dockerfile's or the caller's own text, which grows no further.
  if (end === 0) return text;
  add(text.slice(end));
  return expanded;
}

function valueOf(
  [, braced, operator, word = "", plain = ""]: RegExpExecArray,
  values: ReadonlyMap<string, string>,
): string {
  const value = values.get(braced ?? plain) ?? "";
  if (operator === ":-") return value === "" ? word : value;
  if (operator === ":+") return value === "" ? "" : word;
  return value;
}
