import { tempFolder } from "@container-kit/config/temp-folder";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { openStore } from "../test/open-store.ts";
import { changeLabels } from "./labels.ts";
import { parseSelector } from "./selector.ts";
import type { Requirement } from "./selector.ts";

type Labels = Readonly<Record<string, string>>;

const key = fc.constantFrom("a", "b", "app.example/name", "x_1");
const value = fc.constantFrom("", "1", "two", "v-1.2_x");
const labels = fc.dictionary(key, value, { maxKeys: 4 });
const space = fc.constantFrom("", " ", "  \t");
const requirement: fc.Arbitrary<Requirement> = fc.oneof(
  fc.record({ key, operator: fc.constantFrom("in", "notIn"), values: fc.array(value, { minLength: 1, maxLength: 3 }) }),
  fc.record({ key, operator: fc.constantFrom("exists", "absent"), values: fc.constant([]) }),
);

/** What a requirement means, in the plainest words. */
function holds({ key: name, operator, values }: Requirement, of: Labels): boolean {
  const found = Object.entries(of).find(([each]) => each === name)?.[1];
  switch (operator) {
    case "in":
      return found !== undefined && values.includes(found);
    case "notIn":
      return found === undefined || !values.includes(found);
    case "exists":
      return found !== undefined;
    default:
      return found === undefined;
  }
}

function write(each: Requirement, gap: string, form: number): string {
  if (each.operator === "exists") return each.key + gap;
  if (each.operator === "absent") return `!${gap}${each.key}`;
  const [only, more] = each.values;
  if (more === undefined && form !== 0) {
    const sign = each.operator === "in" ? (form === 1 ? "=" : "==") : "!=";
    return each.key + gap + sign + gap + String(only);
  }
  return `${each.key} ${each.operator === "in" ? "in" : "notin"}${gap}(${each.values.join(`${gap},${gap}`)}${gap})`;
}

const selector = fc
  .array(fc.tuple(requirement, space, fc.integer({ min: 0, max: 2 })), { minLength: 1, maxLength: 4 })
  .map((parts) => ({
    requirements: parts.map(([each]) => each),
    text: parts.map(([each, gap, form]) => write(each, gap, form)).join(","),
  }));

test("a selector is read as it was written", () => {
  fc.assert(
    fc.property(selector, ({ requirements, text }) => {
      expect(parseSelector(text)).toEqual(requirements);
    }),
  );
});

test("the list of sessions is what the selector holds for", async () => {
  const { store } = await openStore(tempFolder());
  const made = new Map<string, Labels>();
  for (const of of fc.sample(labels, { numRuns: 40, seed: 4 }))
    made.set((await store.openSession({ labels: of })).id, of);
  await fc.assert(
    fc.asyncProperty(selector, async ({ requirements, text }) => {
      const listed = await store.listSessions({ selector: text, limit: 100 });
      const expected = [...made].filter(([, of]) => requirements.every((each) => holds(each, of))).map(([id]) => id);
      expect(listed.map(({ id }) => id).toSorted()).toEqual(expected.toSorted());
    }),
    { numRuns: 60 },
  );
});

test("anything else than a selector is refused with the place where it stopped being one", () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 40 }), (text) => {
      try {
        parseSelector(text);
      } catch (error) {
        expect(error).toMatchObject({ code: "INVALID_INPUT", details: { issues: [{ path: "selector" }] } });
      }
    }),
  );
});

test.each([
  ["a,", 3],
  [",a", 1],
  ["a=b=c", 4],
  ["a in x", 6],
  ["a in (x", 8],
  ["a in ()b", 8],
  ["a near (x)", 7],
  ["-a", 3],
  ["a=-", 4],
  ["a b", 4],
])("%j is refused at character %i", (text, at) => {
  const message = expect.stringContaining(`at character ${at}`) as unknown;
  expect(() => parseSelector(text)).toThrow(expect.objectContaining({ code: "INVALID_INPUT", message }));
});

test("a long selector is read in linear time, a longer one refused", () => {
  const long = `a in (${"x,".repeat(2000)}x)`;
  expect(parseSelector(long)[0]?.values).toHaveLength(2001);
  expect(() => parseSelector(`${long},${long}`)).toThrow(expect.objectContaining({ code: "INVALID_INPUT" }));
});

test.each([
  ["", "a key is 1 to 63"],
  ["a b", "a key is 1 to 63"],
  ["/a", "DNS name"],
  ["A.example/a", "DNS name"],
  [`${"p".repeat(64)}/a`, "DNS name"],
  ["a".repeat(64), "a key is 1 to 63"],
])("the label key %j is refused by name", (name, why) => {
  expect(() => changeLabels({}, { [name]: "x" })).toThrow(expect.objectContaining({ code: "INVALID_INPUT" }));
  expect(() => changeLabels({}, { [name]: null })).toThrow(why);
});

test("a label's value follows the same rules, and may be empty", () => {
  expect(changeLabels({ a: "1" }, { b: "", a: null, "x.y/z": "0" })).toEqual({ b: "", "x.y/z": "0" });
  for (const bad of ["-", "a ", "ü", "v".repeat(64)])
    expect(() => changeLabels({}, { a: bad })).toThrow("a value is at most");
  const many = Object.fromEntries(Array.from({ length: 65 }, (_, index) => [`k${index}`, "v"]));
  expect(() => changeLabels({}, many)).toThrow("at most 64 labels");
});
