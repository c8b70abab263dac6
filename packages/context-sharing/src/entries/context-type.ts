import type { z } from "zod";
import type { ContextType } from "./types.ts";

/** The largest value of any type, in bytes of JSON. */
export const MOST_ENTRY_BYTES = 1024 * 1024;
/** How long an entry is served where its type says nothing: an hour. */
export const DEFAULT_TTL_MS = 60 * 60 * 1000;
/** The longest that an entry can be served: 30 days. */
export const LONGEST_TTL_MS = 30 * 24 * 60 * 60 * 1000;

const NAME = /^[a-z][a-z0-9]*(?:_[a-z0-9]+)*$/;
const LONGEST_NAME = 64;

/**
 * A kind of context entry, checked.
 *
 * @example
 * const builtImage = defineContextType({ name: "built_image", schema: z.object({ reference: z.string() }) });
 * @throws TypeError for a definition that breaks the rules
 */
export function defineContextType<Schema extends z.ZodType>(type: ContextType<Schema>): ContextType<Schema> {
  const { name, version = 1, ttlMs = DEFAULT_TTL_MS, maxBytes = MOST_ENTRY_BYTES } = type;
  if (typeof name !== "string" || name.length > LONGEST_NAME || !NAME.test(name)) {
    throw new TypeError(`expected a context type's name in snake_case, got ${JSON.stringify(name)}`);
  }
  if (typeof type.schema?.safeParse !== "function") throw new TypeError(`${name}: expected a zod schema`);
  assertBetween(`${name}: version`, version, 1_000_000);
  assertBetween(`${name}: ttlMs`, ttlMs, LONGEST_TTL_MS);
  assertBetween(`${name}: maxBytes`, maxBytes, MOST_ENTRY_BYTES);
  const { upgrades = {} } = type;
  const given = Object.keys(upgrades);
  // As many as there must be, and each of those is there: so there is no other.
  const isWhole = given.length === version - 1 && given.every((_, at) => typeof upgrades[at + 1] === "function");
  if (!isWhole) throw new TypeError(`${name}: expected an upgrade from each version below ${version}, and no other`);
  return type;
}

function assertBetween(what: string, value: number, most: number): void {
  if (Number.isInteger(value) && value >= 1 && value <= most) return;
  throw new TypeError(`${what}: expected a whole number from 1 to ${most}, got ${String(value)}`);
}
