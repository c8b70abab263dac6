import { expect, test } from "vitest";
import { sourceAddress } from "./labels.ts";

test.each([
  ["git+https://github.com/a/b.git", "https://github.com/a/b"],
  ["git://github.com/a/b.git", "https://github.com/a/b"],
  ["git@github.com:a/b.git", "https://github.com/a/b"],
  ["ssh://git@gitlab.com/a/b.git", "https://gitlab.com/a/b"],
  ["github:a/b", "https://github.com/a/b"],
  ["bitbucket:a/b", "https://bitbucket.org/a/b"],
  ["a/b", "https://github.com/a/b"],
  ["https://user:secret@git.example.com/a/b?token=x#y", "https://git.example.com/a/b"],
  ["file:///etc/passwd", null],
  ["not an address", null],
  ["x".repeat(400), null],
  [null, null],
])("%s is shown as %s", (said, shown) => {
  expect(sourceAddress(said)).toBe(shown);
});
