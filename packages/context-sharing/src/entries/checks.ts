import { isKitError } from "@container-kit/errors";
import type { Redactor } from "@container-kit/observability";
import { invalid } from "../errors.ts";
import { dotted, findJsonFault } from "../plain-json.ts";
import { isPlainText } from "../plain-text.ts";
import { LONGEST_TTL_MS, MOST_ENTRY_BYTES } from "./context-type.ts";
import type { ContextType, EntryName } from "./types.ts";

const LONGEST_KEY = 512;
const LONGEST_ID = 128;
const LARGEST_PAGE = 1000;
const DEFAULT_PAGE = 100;

/** @throws INVALID_INPUT naming what is wrong */
export function checkName({ sessionId, type, key }: EntryName): void {
  checkText("sessionId", sessionId, LONGEST_ID);
  checkText("type", type, LONGEST_ID);
  checkText("key", key, LONGEST_KEY);
}

/** @throws INVALID_INPUT for what is no text of 1 to `longest` characters without control characters */
export function checkText(path: string, text: unknown, longest: number = LONGEST_ID): void {
  if (isPlainText(text, longest)) return;
  throw invalid(path, `expected 1 to ${longest} characters and no control characters`);
}

/** As {@link checkText}, of what need not be there. @throws INVALID_INPUT */
export function checkOptionalText(path: string, text: unknown): void {
  if (text !== undefined) checkText(path, text);
}

/** @throws INVALID_INPUT */
export function checkVersion(expected: number | undefined): void {
  if (expected === undefined || (Number.isSafeInteger(expected) && expected >= 0)) return;
  throw invalid("expectedVersion", "expected a version, or 0 where there must be none");
}

/** @throws INVALID_INPUT */
export function checkTtl(ttlMs: number): void {
  if (Number.isInteger(ttlMs) && ttlMs >= 1 && ttlMs <= LONGEST_TTL_MS) return;
  throw invalid("ttlMs", `expected a whole number of milliseconds from 1 to ${LONGEST_TTL_MS} (30 days)`);
}

/** @throws INVALID_INPUT */
export function checkLimit(limit: number = DEFAULT_PAGE): number {
  if (Number.isInteger(limit) && limit >= 1 && limit <= LARGEST_PAGE) return limit;
  throw invalid("limit", `expected a whole number from 1 to ${LARGEST_PAGE}`);
}

/** A value as it is kept. */
export interface KeptValue {
  /** JSON. */
  readonly text: string;
  /** In bytes. */
  readonly size: number;
}

/**
 * The value by its type's schema, masked, as JSON.
 * @throws INVALID_INPUT for one that the schema refuses, that JSON would change, or that is too large
 */
export function toKept(value: unknown, type: ContextType, redactor: Pick<Redactor, "value">): KeptValue {
  const limit = type.maxBytes ?? MOST_ENTRY_BYTES;
  const text = tryRead(() => {
    const parsed = parse(value, type);
    const fault = findJsonFault(parsed, limit);
    if (fault !== undefined) throw invalid(`value${dotted(fault.path)}`, fault.message);
    return JSON.stringify(redactor.value(parsed));
  });
  const size = Buffer.byteLength(text);
  if (size <= limit) return { text, size };
  throw invalid("value", `has ${size} bytes as JSON; ${type.name} may have ${limit}`);
}

function parse(value: unknown, { name, schema }: ContextType): unknown {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [first] = result.error.issues;
  const at = ["value", ...(first?.path ?? []).map(String)].join(".");
  throw invalid(at, `is no ${name}: ${first?.message ?? "refused by its schema"}`);
}

function tryRead<Result>(work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    if (isKitError(error)) throw error;
    // A value that goes in a circle ends in the stack's end, and one that is no plain data may do anything when it is read;
    // a schema that must be awaited cannot be used here.
    throw invalid("value", `could not be checked: ${error instanceof Error ? error.message : String(error)}`);
  }
}
