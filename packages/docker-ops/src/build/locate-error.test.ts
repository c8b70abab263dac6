import { expect, test } from "vitest";
import { locateError } from "./locate-error.ts";

test.each([
  ["dockerfile parse error line 3: unknown instruction: RUNN", "FROM a\nRUN b\n  RUNN \\\n  x\n", 3, 3],
  ["dockerfile parse error on line 2: unknown instruction: cmdd (did you mean cmd?)", "FROM a\ncmdd x\n", 2, 1],
  ["dockerfile parse error line 2: Unknown flag: frm", "FROM a\nCOPY --frm=a a b\n", 2, 6],
  ["dockerfile parse error line 2: Unknown flag: frm", "FROM a\nCOPY \\\n  --frm=a a b\n", 2, 1],
  ["dockerfile parse error line 2: COPY requires at least two arguments", "FROM a\nCOPY a\n", 2, 1],
  ['Syntax error - can\'t find = in "c". Must be of the form: name=value', "FROM a\nENV a=b \\\n  d=e c\n", 2, 1],
  ['Syntax error - can\'t find = in "c". Must be of the form: name=value', "FROM a\nENV a=b c\n", 2, 9],
  ["ENV must have two arguments", "FROM a\n\nENV foo\n", 3, 1],
  ["no build stage in current context", "ARG x\n RUN y\nFROM z\n", 2, 2],
  ['failed to parse stage name "Node:20": invalid reference format', "FROM a AS b\nFROM Node:20\n", 2, 6],
  ["invalid reference format: repository name must be lowercase", "FROM a AS b\nFROM Node:20\n", 2, 1],
  ["invalid from flag value BAD: invalid reference format", "FROM a\nCOPY --from=BAD a b\n", 2, 6],
  ['failed to parse stage name "BAD": invalid reference format', "FROM a\nCOPY --from=BAD a b\n", 2, 13],
  ["base name (${X}) should not be blank", "FROM a AS b\nFROM ${X}\n", 2, 6],
  ["Invalid containerPort: abc", "FROM a\nEXPOSE 80 abc\n", 2, 11],
  ['building at STEP "COPY --frm=x a b": COPY only supports the --chmod flags', "FROM a\nCOPY --frm=x  a b\n", 2, 1],
  ['building at STEP "RUNN ": Build error: Unknown instruction: "RUNN"', "FROM a\nRUNN x\n", 2, 1],
  [
    'building at STEP "HEALTHCHECK --x=1": flag provided but not defined: -x',
    "FROM a\nHEALTHCHECK --x=1 CMD b\n",
    2,
    13,
  ],
  ['building at STEP "RUN y": invalid mount type "z"', "FROM a\nRUN --mount=type=z y\n", 2, 13],
  ["COPY --from=b: no stage or image found with that name", "FROM a\nCOPY --from=b c d\n", 2, 6],
  ["creating build container: repository name must be lowercase", "FROM a AS b\nFROM Node:20\n", 2, 1],
  ["dockerfile parse error line 40: whatever", "FROM a\n", 1, 1],
  ["file with no instructions", "# nothing\n", 1, 1],
])("%s in %j stands at %i:%i", (message, content, line, column) => {
  expect(locateError(message, content)).toEqual({ line, column });
});

test("what concerns no place in the Dockerfile has none", () => {
  expect(locateError("target stage zz could not be found", "FROM a\n")).toBeNull();
});
