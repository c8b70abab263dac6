import { expect, test } from "vitest";
import { MASK } from "@container-kit/observability";
import { normalizeReference } from "./normalize.ts";
import { parseReference } from "./parse.ts";
import { shownReference } from "./shown-reference.ts";

test.each([
  ["a b", "a b"],
  ["UPPER:1", "UPPER:1"],
  ["node@sha256:zz", "node@sha256:zz"],
  ["user:pass@host/app:1", `${MASK}@host/app:1`],
  ["https://user:p@ss@host/app", `${MASK}@host/app`],
  ["host/user:pass@other/app@sha256:zz", `${MASK}@other/app@sha256:zz`],
  ["user:pa@sha256:ss@host/app", `${MASK}@host/app`],
  ["x".repeat(200), `${"x".repeat(120)}…`],
  [`user:${"p".repeat(200)}@host`, `${MASK}@host`],
])("%j is shown as %j", (text, shown) => {
  expect(shownReference(text)).toBe(shown);
});

test("a login in a reference is in no error", () => {
  for (const parse of [parseReference, normalizeReference]) {
    for (const text of [
      "ada:hunter2@host/app:1",
      "host/ada:hunter2@APP",
      "ADA:hunter2@host/app",
      "http://a:hunter2@h/x",
    ]) {
      const attempt = () => parse(text);
      expect(attempt).toThrow(expect.objectContaining({ code: "INVALID_REFERENCE" }));
      expect(attempt).not.toThrow(/hunter2/);
    }
  }
});
