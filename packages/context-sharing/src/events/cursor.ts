import { invalid } from "../errors.ts";

const CURSOR = /^c[0-9a-z]{1,10}$/;

/** The place after the event with this number, as others get it. */
export function cursorOf(seq: number): string {
  return `c${seq.toString(36)}`;
}

/** @param last the number of the newest event @throws INVALID_INPUT when it is none, or one that this store never gave */
export function parseCursor(cursor: unknown, path: string, last: number): number {
  if (typeof cursor !== "string") throw invalid(path, "must be a cursor of events, which is text");
  const seq = CURSOR.test(cursor) ? Number.parseInt(cursor.slice(1), 36) : Number.NaN;
  if (!Number.isSafeInteger(seq)) throw invalid(path, `${JSON.stringify(cursor.slice(0, 40))} is no cursor of events`);
  if (seq > last)
    throw invalid(path, `${cursor} lies ahead of all events: it is of another store, or of a later state`);
  return seq;
}
