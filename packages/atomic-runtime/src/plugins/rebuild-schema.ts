import { z } from "zod";

/** Keywords whose value is one schema, a list of schemas, or schemas by name. */
const ONE = new Set([
  "items",
  "additionalProperties",
  "contains",
  "propertyNames",
  "not",
  "if",
  "then",
  "else",
  "unevaluatedProperties",
  "unevaluatedItems",
  "additionalItems",
]);
const LIST = new Set(["anyOf", "oneOf", "allOf", "prefixItems"]);
const NAMED = new Set(["properties", "$defs", "definitions", "dependentSchemas"]);

/**
 * The schema that another process told, for a second check here.
 *
 * Left out is what must not run in the server or cannot be told: regular expressions (a hostile one never ends; the
 * plugin's process checks them), refinements and transforms.
 *
 * @throws Error when it is no object schema, or says what zod does not understand
 */
export function rebuildSchema(json: Readonly<Record<string, unknown>>): z.ZodObject {
  const schema = z.fromJSONSchema(withoutPatterns(json) as Parameters<typeof z.fromJSONSchema>[0]);
  if (!(schema instanceof z.ZodObject)) throw new TypeError("expected a schema of an object");
  return schema;
}

function withoutPatterns(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map((item) => withoutPatterns(item));
  if (typeof schema !== "object" || schema === null) return schema;
  const entries = Object.entries(schema).filter(
    ([keyword]) => keyword !== "pattern" && keyword !== "patternProperties",
  );
  return Object.fromEntries(entries.map(([keyword, value]) => [keyword, within(keyword, value)]));
}

function within(keyword: string, value: unknown): unknown {
  if (ONE.has(keyword) || LIST.has(keyword)) return withoutPatterns(value);
  if (!NAMED.has(keyword) || typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, schema]) => [name, withoutPatterns(schema)]));
}
