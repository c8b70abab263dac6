/**
 * The schema that another process told, for a second check in the server.
 *
 * - W1  Left out is what must not run in the server or cannot be told: regular expressions (a hostile one never ends; the
 *       plugin's process checks them), refinements and transforms.
 * - W2  References are written out, and where one leads back into itself anything passes: a recursive union takes a time
 *       that doubles with each level of a value. The plugin's process checks the whole.
 * - W3  What is left is bounded: the time of a check grows with the value times {@link RebuiltSchema.width}.
 */
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
const COMBINED = new Set(["anyOf", "oneOf", "allOf"]);
const LIST = new Set([...COMBINED, "prefixItems"]);
const NAMED = new Set(["properties", "dependentSchemas"]);
const LEFT_OUT = new Set(["pattern", "patternProperties", "$defs", "definitions"]);

const MOST_PARTS = 5_000;
const MOST_AT_ONE_VALUE = 500;
/** Values of a result times the width of its schema: about a second. */
const MOST_CHECKS = 20_000_000;

type Json = Readonly<Record<string, unknown>>;

/** A schema, and how many of its parts speak about one value at most. */
export interface RebuiltSchema {
  readonly schema: z.ZodObject;
  readonly width: number;
}

/** @throws Error when it is no object schema, is too large, or says what zod does not understand */
export function rebuildSchema(json: Json): RebuiltSchema {
  const plain = writeOut(json, { root: json, refs: new Set(["#"]), parts: { left: MOST_PARTS } }) as Json;
  const width = widthOf(plain);
  if (width > MOST_AT_ONE_VALUE)
    throw new TypeError(`more than ${MOST_AT_ONE_VALUE} of its parts speak about the same value`);
  const schema = z.fromJSONSchema(plain);
  if (!(schema instanceof z.ZodObject)) throw new TypeError("expected a schema of an object");
  return { schema, width };
}

/** Whether the check of a value would take longer than the server may be busy with one. */
export function isTooCostly(value: unknown, width: number): boolean {
  const rest = [value];
  for (let seen = 0; rest.length > 0; seen += 1) {
    if (seen * width > MOST_CHECKS) return true;
    const next = rest.pop();
    if (typeof next === "object" && next !== null) for (const part of Object.values(next)) rest.push(part);
  }
  return false;
}

interface Walk {
  readonly root: Json;
  /** The references that are being written out. */
  readonly refs: ReadonlySet<string>;
  readonly parts: { left: number };
}

function writeOut(schema: unknown, walk: Walk): unknown {
  if (Array.isArray(schema)) return schema.map((item) => writeOut(item, walk));
  if (typeof schema !== "object" || schema === null) return schema;
  walk.parts.left -= 1;
  if (walk.parts.left < 0) throw new TypeError(`it has more than ${MOST_PARTS} parts with its references written out`);
  const { $ref: ref, ...rest } = schema as Json;
  if (typeof ref === "string") {
    const { description } = rest;
    const said = typeof description === "string" ? { description } : {};
    if (walk.refs.has(ref)) return { description: "the same again", ...said };
    const target = findDefinition(walk.root, ref);
    return { ...(writeOut(target, { ...walk, refs: new Set([...walk.refs, ref]) }) as Json), ...said };
  }
  const entries = Object.entries(rest).filter(([keyword]) => !LEFT_OUT.has(keyword));
  return Object.fromEntries(entries.map(([keyword, value]) => [keyword, within(keyword, value, walk)]));
}

function findDefinition({ $defs, definitions }: Json, ref: string): Json {
  const [, where, name = ""] = /^#\/(\$defs|definitions)\/([^/]+)$/.exec(ref) ?? [];
  const all = (where === "$defs" ? $defs : definitions) as Readonly<Record<string, Json>> | undefined;
  const key = name.replaceAll("~1", "/").replaceAll("~0", "~");
  const found = all !== undefined && Object.hasOwn(all, key) ? all[key] : undefined;
  if (found === undefined) throw new TypeError(`its reference ${ref.slice(0, 100)} leads nowhere`);
  return found;
}

function within(keyword: string, value: unknown, walk: Walk): unknown {
  if (ONE.has(keyword) || LIST.has(keyword)) return writeOut(value, walk);
  if (!NAMED.has(keyword) || typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, schema]) => [name, writeOut(schema, walk)]));
}

/** Parts that speak about different values count once, at their widest; parts about the same value add up. */
function widthOf(schema: unknown): number {
  if (typeof schema !== "object" || schema === null) return 0;
  let [own, below, beside] = [1, 0, 0];
  for (const [keyword, value] of Object.entries(schema)) {
    const parts: unknown[] = typeof value === "object" && value !== null ? Object.values(value) : [];
    if (NAMED.has(keyword)) own += parts.length;
    if (keyword === "enum" || keyword === "type")
      own += parts.some((part) => typeof part !== "string") ? parts.length : 0;
    if (keyword === "type" && parts.length > 1) beside += parts.length * Object.keys(schema).length;
    if (COMBINED.has(keyword)) for (const part of parts) beside += widthOf(part);
    else if (NAMED.has(keyword) || LIST.has(keyword)) for (const part of parts) below = Math.max(below, widthOf(part));
    else if (ONE.has(keyword))
      for (const part of Array.isArray(value) ? parts : [value]) below = Math.max(below, widthOf(part));
  }
  return Math.max(own, below) + beside;
}
