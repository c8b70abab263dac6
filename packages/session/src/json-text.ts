import type { ErrorResult } from "@container-kit/errors";

/** Longer JSON is not kept: what is that long belongs into a file, with a link in the result. */
const LONGEST_TEXT = 256 * 1024;
const LONGEST_MESSAGE = 4096;

/** The JSON of a value; instead of one that is too long, or is not JSON, an object that says so. */
export function toJsonText(value: unknown): string {
  const text = toWholeJsonText(value);
  if (text.length <= LONGEST_TEXT) return text;
  return JSON.stringify({ omitted: "longer than the record keeps", characters: text.length, limit: LONGEST_TEXT });
}

/** The JSON of an error, which stays an error when it is shortened. */
export function toErrorText(error: ErrorResult): string {
  const text = toWholeJsonText(error);
  if (text.length <= LONGEST_TEXT) return text;
  const { code, category, message, retryable, remedy } = error;
  const shortened: ErrorResult = {
    code,
    category,
    message: message.slice(0, LONGEST_MESSAGE),
    retryable,
    remedy: remedy.slice(0, LONGEST_MESSAGE),
    details: { omitted: "longer than the record keeps", characters: text.length, limit: LONGEST_TEXT },
  };
  return JSON.stringify(shortened);
}

/** The value of a JSON text. One that was damaged on the disk, which SQLite cannot notice, says so. */
export function fromJsonText(text: string | null): unknown {
  if (text === null) return null;
  try {
    return JSON.parse(text);
  } catch {
    return { omitted: "no longer JSON", characters: text.length };
  }
}

/** The JSON of a value, however long: for what must come back as it was. */
export function toWholeJsonText(value: unknown): string {
  try {
    // The declared type forgets that undefined and functions have no JSON.
    const text = JSON.stringify(value) as string | undefined;
    return text ?? "null";
  } catch (error) {
    return JSON.stringify({ omitted: "not JSON", reason: error instanceof Error ? error.message : String(error) });
  }
}

/** The texts of a JSON list of texts. */
export function fromTextList(text: string): readonly string[] {
  const value = fromJsonText(text);
  return Array.isArray(value) ? value.map(String) : [];
}
