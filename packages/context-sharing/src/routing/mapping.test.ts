import { expect, test } from "vitest";
import { inputsOf, mapArguments, mappingProblems } from "./mapping.ts";

const sources = {
  input: { context: "/app", tags: ["a:1", "b:2"], deep: { on: true }, none: null },
  error: { code: "BUILD_FAILED", details: { step: 3 } },
  session: { id: "ses_1" },
  result: { dockerfile: { path: "Dockerfile" } },
};

test("a reference becomes what is found there, with its type, at any depth", () => {
  const mapping = {
    path: "${input.context}",
    step: "${error.details.step}",
    first: "${input.tags.0}",
    list: ["${input.deep}", "as it is", 7],
    in: { file: "${result.dockerfile.path}" },
  };
  expect(mapArguments(mapping, sources)).toEqual({
    path: "/app",
    step: 3,
    first: "a:1",
    list: [{ on: true }, "as it is", 7],
    in: { file: "Dockerfile" },
  });
});

test("what is not found is left out, the first alternative that is found counts", () => {
  const mapping = { a: "${input.no}", b: ["${input.none}"], c: "${error.details.registry | input.no | session.id}" };
  expect(mapArguments(mapping, sources)).toEqual({ b: [], c: "ses_1" });
});

test("a spread brings an object's members, and those that are written out go before them even where they find nothing", () => {
  expect(mapArguments({ tags: "${input.no}", context: "/other", "...": "${input}" }, sources)).toEqual({
    deep: { on: true },
    none: null,
    context: "/other",
  });
  expect(mapArguments({ "...": "${input.tags}", a: 1 }, sources)).toEqual({ a: 1 });
});

test("what is written out keeps the place that it has in what is spread", () => {
  const mapped = mapArguments({ "...": "${input}", more: 1, context: "/b", tags: "${input.no}" }, sources);
  expect(Object.keys(mapped)).toEqual(["context", "deep", "none", "more"]);
});

test("only own members are found, and a hostile name harms nothing", () => {
  const input = JSON.parse('{"__proto__":{"polluted":true},"tags":[1]}') as Record<string, unknown>;
  const mapping = { a: "${input.constructor}", b: "${input.tags.length}", c: "${input.toString.name}" };
  expect(mapArguments(mapping, { input })).toEqual({});
  const spread = mapArguments({ "...": "${input}" }, { input });
  expect(Object.keys(spread)).toEqual(["__proto__", "tags"]);
  expect(Object.getPrototypeOf(spread)).toBe(Object.prototype);
  expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
});

test.each([
  ["part of a text", { a: "x-${input.a}" }, "a reference is a whole text"],
  ["two references", { a: "${input.a}${input.b}" }, "a reference is a whole text"],
  ["an unknown root", { a: "${process.env}" }, "begins with one of input, error"],
  ["an empty path", { a: "${}" }, "begins with one of"],
  ["an empty segment", { a: "${input..b}" }, "no path of names"],
  ["code", { a: "${input.f()}" }, "no path of names"],
  ["a spread of a literal", { "...": { a: 1 } }, "spreads what a reference finds"],
  ["what is no JSON", { a: () => 1 }, "is no plain JSON"],
  ["what is too deep", nested(14), "levels deep"],
])("a mapping with %s is refused with where it stands", (_what, mapping, message) => {
  const problems = mappingProblems(mapping, ["input", "error"]);
  expect(problems).toHaveLength(1);
  expect(problems[0]?.message).toContain(message);
});

test("the arguments that a mapping repeats are known", () => {
  expect(inputsOf({ "...": "${input}", a: 1 })).toBeNull();
  expect([...(inputsOf({ a: "${error.code | input.x}", b: ["${input.y.z}"] }) ?? [])]).toEqual(["x", "y"]);
});

function nested(levels: number): Record<string, unknown> {
  return levels === 0 ? {} : { a: nested(levels - 1) };
}
