import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { normalizeReference, withDefaultTag } from "./normalize.ts";
import { formatReference, isImageId, parseReference } from "./parse.ts";

const hex64 = "a".repeat(64);

describe("parseReference", () => {
  test.each([
    ["node", { registry: "", repository: "node" }],
    ["node:20-slim", { registry: "", repository: "node", tag: "20-slim" }],
    ["example.com/team/app:1", { registry: "example.com", repository: "team/app", tag: "1" }],
    ["localhost:5000/a/b/c:1", { registry: "localhost:5000", repository: "a/b/c", tag: "1" }],
    ["127.0.0.1:5000", { registry: "", repository: "127.0.0.1", tag: "5000" }],
    ["[2001:db8::1]:5000/app", { registry: "[2001:db8::1]:5000", repository: "app" }],
    [`r:5000/app:1@sha256:${hex64}`, { registry: "r:5000", repository: "app", tag: "1", digest: `sha256:${hex64}` }],
    ["a__b/c---d.e_f:T_1", { registry: "", repository: "a__b/c---d.e_f", tag: "T_1" }],
  ])("%s is read into its parts", (text, expected) => {
    expect(parseReference(text)).toEqual(expected);
  });

  test.each([
    ["", "empty"],
    [" node", "white space"],
    ["node\n", "white space"],
    ["Node", "lower case"],
    ["https://example.com/app", "scheme"],
    ["--help", "dash"],
    ["a//b", "empty"],
    ["a/../b", "grammar"],
    ["node:", "grammar"],
    ["node:tag with space", "white space"],
    [`node:${"t".repeat(129)}`, "grammar"],
    ["node@sha256:zz", "grammar"],
    [`node@sha256:${"a".repeat(63)}`, "64 hex digits"],
    [`node@sha256:${"A".repeat(64)}`, "lower case"],
    [`node@md5:${"a".repeat(32)}`, "not known"],
    ["[fe80::1%eth0]:5000/app", "grammar"],
    ["[::1]:tag", "grammar"],
    ["a%2fb", "grammar"],
    ["n\u0000de", "grammar"],
    ["nod\u0435", "grammar"],
    ["a".repeat(256), "longer than 255"],
    ["a/".repeat(2000), "too long"],
  ])("%j is refused, and the reason is told", (text, reason) => {
    expect(() => parseReference(text)).toThrow(
      expect.objectContaining({ code: "INVALID_REFERENCE", message: expect.stringContaining(reason) }),
    );
  });

  test.each([null, undefined, 7, {}, ["node"], Symbol("node")])("%s of a caller without types is refused", (value) => {
    for (const read of [parseReference, normalizeReference])
      expect(() => read(value as string)).toThrow(expect.objectContaining({ code: "INVALID_REFERENCE" }));
    expect(isImageId([hex64] as unknown as string)).toBe(false);
  });

  test("a hostile text of the greatest length is answered at once", () => {
    const started = process.cpuUsage().user;
    for (const unit of ["a", "a-", "a.", "a_", "a/", "[:", "A.", "0-"])
      expect(() => parseReference(unit.repeat(521) + "!")).toThrow();
    expect(process.cpuUsage().user - started).toBeLessThan(500_000);
  });
});

const component = fc.stringMatching(/^[a-z0-9]{1,8}(?:(?:\.|_|__|-{1,3})[a-z0-9]{1,8}){0,2}$/);
const reference = fc.record(
  {
    registry: fc.constantFrom("", "example.com", "localhost:5000", "127.0.0.1:5000", "[::1]:5000"),
    repository: fc.array(component, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("/")),
    tag: fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}$/),
    digest: fc.constantFrom(`sha256:${hex64}`, `sha512:${"b".repeat(128)}`),
  },
  { requiredKeys: ["registry", "repository"] },
);

test("formatting and parsing are inverse for every reference", () => {
  fc.assert(
    fc.property(reference, (parts) => {
      const text = formatReference(parts);
      expect(formatReference(parseReference(text))).toBe(text);
    }),
  );
});

test("normalizing is idempotent, and both spellings mean the same image", () => {
  fc.assert(
    fc.property(reference, (parts) => {
      fc.pre(parts.registry !== "" || !/^[^/]*[._][^/]*\//.test(parts.repository));
      const once = normalizeReference(formatReference(parts));
      expect(normalizeReference(once.canonical)).toEqual(once);
      expect(normalizeReference(once.familiar)).toEqual(once);
    }),
  );
});

test("arbitrary text is either parsed or refused with the code, never anything else", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 300 }), (text) => {
      try {
        expect(formatReference(parseReference(text))).toBe(text);
      } catch (error) {
        expect(error).toMatchObject({ code: "INVALID_REFERENCE" });
      }
    }),
  );
});

describe("normalizeReference", () => {
  test.each([
    ["node", "docker.io/library/node", "node"],
    ["team/app:1", "docker.io/team/app:1", "team/app:1"],
    ["docker.io/node", "docker.io/library/node", "node"],
    ["index.docker.io/team/app", "docker.io/team/app", "team/app"],
    ["docker.io/library/a/b", "docker.io/library/a/b", "library/a/b"],
    ["localhost/app", "localhost/app", "localhost/app"],
    ["LOCAL/app", "LOCAL/app", "LOCAL/app"],
    ["127.0.0.1:5000/org/team/app:1", "127.0.0.1:5000/org/team/app:1", "127.0.0.1:5000/org/team/app:1"],
    ["[fc00::1]:5000/app", "[fc00::1]:5000/app", "[fc00::1]:5000/app"],
  ])("%s means %s and is shown as %s", (text, canonical, familiar) => {
    expect(normalizeReference(text)).toMatchObject({ canonical, familiar });
  });

  test.each([
    "docker.io/team/App",
    "https://github.com/a/b",
    "docker///app",
    "[fc00::1]:5000",
    "-a/b",
    "a-/b",
    "_a/_b",
    "0.0_0/a",
  ])("%s is refused", (text) => {
    expect(() => normalizeReference(text)).toThrow(expect.objectContaining({ code: "INVALID_REFERENCE" }));
  });

  test.each([hex64, `sha256:${hex64}`])("the image id %s is refused with what to do", (text) => {
    expect(isImageId(text)).toBe(true);
    expect(() => normalizeReference(text)).toThrow(
      expect.objectContaining({ code: "INVALID_REFERENCE", remedy: expect.stringContaining("tag_image") }),
    );
  });

  test("latest is the tag of a reference that has neither tag nor digest", () => {
    expect(withDefaultTag(normalizeReference("node")).familiar).toBe("node:latest");
    expect(withDefaultTag(normalizeReference("node:20")).familiar).toBe("node:20");
    expect(withDefaultTag(normalizeReference(`node@sha256:${hex64}`)).tag).toBeUndefined();
  });
});
