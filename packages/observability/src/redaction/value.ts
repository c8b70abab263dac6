import { MASK, Secret } from "../secret.ts";

/**
 * Masks plain JSON, and makes plain JSON of what is none, because a log line is handed anything.
 *
 * - V1  What holds no secret is returned as it is, without a copy: most calls pass here and mask nothing.
 * - V2  Nothing that is handed in makes it throw, recurse without end or run a stranger's code but `toJSON` and getters.
 */

/** How single texts and names are judged. */
export interface Masking {
  text(text: string): string;
  /** A value under this name is masked whatever it says. */
  isSecretKey(key: string): boolean;
  /** Whether a number may spell a secret. */
  readonly numbers: boolean;
}

const DEEPEST = 500;
const UNREADABLE = "[unreadable]";
/** What {@link read} returns for a getter that threw: it must not be kept, or whoever reads the value next meets the same. */
const THREW = Symbol("a getter threw");

/** The value with every secret masked; the same value where there is none (V1). */
export function maskValue(value: unknown, masking: Masking): unknown {
  return mask(value, { masking, path: [] }, false);
}

interface Walk {
  readonly masking: Masking;
  /** The objects that the walk is within, to notice a circle. */
  readonly path: object[];
}

function mask(value: unknown, walk: Walk, secret: boolean): unknown {
  switch (typeof value) {
    case "string":
      return secret ? MASK : walk.masking.text(value);
    case "number":
      return secret ? MASK : walk.masking.numbers ? maskNumber(value, walk.masking) : value;
    case "bigint":
      return secret ? MASK : walk.masking.text(value.toString());
    case "object":
      return value === null ? null : maskObject(value, walk, secret);
    case "symbol":
    case "function":
      // JSON has neither; leaving them out is JSON's way too.
      return undefined;
    default:
      return value;
  }
}

function maskNumber(value: number, masking: Masking): number | string {
  const written = String(value);
  const masked = masking.text(written);
  return masked === written ? value : masked;
}

function maskObject(value: object, walk: Walk, secret: boolean): unknown {
  const { path } = walk;
  if (path.length >= DEEPEST) return "[deep]";
  if (path.includes(value)) return "[circular]";
  path.push(value);
  try {
    if (Array.isArray(value)) return maskArray(value, walk, secret);
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype === Object.prototype || prototype === null) return maskRecord(value, walk);
    return maskOther(value, walk, secret);
  } catch {
    // A proxy or a `toJSON` of a stranger threw (V2): what cannot be read cannot be told.
    return UNREADABLE;
  } finally {
    path.pop();
  }
}

function maskArray(items: readonly unknown[], walk: Walk, secret: boolean): readonly unknown[] {
  let copy: unknown[] | undefined;
  for (let index = 0; index < items.length; index += 1) {
    const item = items[index];
    const masked = mask(item, walk, secret);
    if (copy === undefined && !Object.is(masked, item)) copy = items.slice(0, index);
    copy?.push(masked);
  }
  return copy ?? items;
}

function maskRecord(record: object, walk: Walk): object {
  const { masking } = walk;
  const keys = Object.keys(record);
  let copy: [string, unknown][] | undefined;
  for (let index = 0; index < keys.length; index += 1) {
    const key = keys[index] ?? "";
    const item = read(record, key);
    const name = masking.text(key);
    const masked = mask(item === THREW ? UNREADABLE : item, walk, masking.isSecretKey(key));
    if (copy === undefined && (name !== key || !Object.is(masked, item))) {
      copy = keys.slice(0, index).map((earlier) => [earlier, read(record, earlier)]);
    }
    copy?.push([name, masked]);
  }
  // Not by assignment: a key may be `__proto__`.
  return copy === undefined ? record : Object.fromEntries(copy);
}

function read(record: object, key: string): unknown {
  try {
    return (record as Readonly<Record<string, unknown>>)[key];
  } catch {
    // V2: its neighbours are told all the same.
    return THREW;
  }
}

/** What is an object and neither a list nor a plain record. */
function maskOther(value: object, walk: Walk, secret: boolean): unknown {
  if (value instanceof Secret) return MASK;
  if (value instanceof Error) return maskRecord(describe(value), walk);
  if (value instanceof Map) return maskRecord(Object.fromEntries(entriesOf(value)), walk);
  if (value instanceof Set) return maskArray([...value], walk, secret);
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return `[${value.byteLength} bytes]`;
  if (value instanceof RegExp) return mask(String(value), walk, secret);
  if ("toJSON" in value && typeof value.toJSON === "function") return mask(value.toJSON(), walk, secret);
  return maskRecord(value, walk);
}

function entriesOf(map: ReadonlyMap<unknown, unknown>): [string, unknown][] {
  return [...map].map(([key, value]) => [typeof key === "string" ? key : `[${typeof key}]`, value]);
}

function describe(error: Error): Record<string, unknown> {
  const { name, message, stack, cause } = error;
  const errors = error instanceof AggregateError ? { errors: error.errors } : {};
  const known: Record<string, unknown> = { name, message, stack, ...(cause === undefined ? {} : { cause }), ...errors };
  return Object.assign(known, error);
}
