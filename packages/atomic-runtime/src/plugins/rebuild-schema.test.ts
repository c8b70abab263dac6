/** Schemas that a hostile plugin tells: none may keep the server busy. */
import { expect, test } from "vitest";
import { isTooCostly, rebuildSchema } from "./rebuild-schema.ts";

const object = (properties: object): Readonly<Record<string, unknown>> => ({ type: "object", properties });

test("a recursive union does not take twice the time for each level of a value", () => {
  const ref = { $ref: "#/$defs/a" };
  const node = { anyOf: [object({ a: ref, x: { type: "number" } }), object({ a: ref, x: { type: "boolean" } })] };
  const { schema } = rebuildSchema({ ...object({ a: ref }), $defs: { a: node } });
  let value: unknown = { x: "wrong" };
  for (let depth = 0; depth < 100; depth += 1) value = { a: value, x: 1 };
  expect(schema.safeParse({ a: value }).success).toBe(true);
  expect(schema.safeParse({ a: { a: {}, x: "wrong" } }).success).toBe(false);
});

test("references that double at each step are refused by what they are written out", () => {
  const steps = Array.from({ length: 60 }, (_, step) => {
    const next = { $ref: `#/$defs/s${step + 1}` };
    return [`s${step}`, { anyOf: [object({ a: next }), object({ a: next })] }] as const;
  });
  const $defs = { ...Object.fromEntries(steps), s60: {} };
  expect(() => rebuildSchema({ ...object({ a: { $ref: "#/$defs/s0" } }), $defs })).toThrow("more than 5000 parts");
});

test("a union of very many is refused, and a result that is too much for its schema is told", () => {
  const many = Array.from({ length: 600 }, (_, index) => ({ const: index }));
  expect(() => rebuildSchema(object({ a: { anyOf: many } }))).toThrow("speak about the same value");
  const { schema, width } = rebuildSchema(object({ a: { type: "array", items: { anyOf: many.slice(0, 300) } } }));
  expect(schema.safeParse({ a: [299] }).success).toBe(true);
  expect(isTooCostly({ a: Array.from({ length: 1_000 }) }, width)).toBe(false);
  expect(isTooCostly({ a: Array.from({ length: 100_000 }) }, width)).toBe(true);
});

test("a reference keeps its description, and one that leads nowhere is refused", () => {
  const $defs = { name: { type: "string", pattern: "(a+)+$" } };
  const named = object({ a: { $ref: "#/$defs/name", description: "a name" } });
  const { schema } = rebuildSchema({ ...named, required: ["a"], $defs });
  expect(schema.shape["a"]?.description).toBe("a name");
  expect(schema.safeParse({ a: "b" }).success).toBe(true);
  for (const ref of ["#/$defs/other", "#/$defs/toString", "https://example.com/a.json"])
    expect(() => rebuildSchema({ ...object({ a: { $ref: ref } }), $defs })).toThrow("leads nowhere");
});
