/**
 * An event between its publisher, its row and its subscribers.
 *
 * - R1  What is handed out is made anew of the row each time: no subscriber's change reaches another, and everybody gets
 *       what a subscriber in another process gets.
 */
import { randomBytes } from "node:crypto";
import { invalid } from "../errors.ts";
import { dotted, findJsonFault } from "../plain-json.ts";
import { isPlainText } from "../plain-text.ts";
import { cursorOf } from "./cursor.ts";
import { findTypeFault } from "./pattern.ts";
import type { events } from "./tables.ts";
import type { BusEvent, NewEvent } from "./types.ts";

/** A row of the events' table. */
export type EventRow = typeof events.$inferSelect;
/** A row that has no place in the order yet. */
export type EventDraft = Omit<EventRow, "seq">;

const LARGEST_DATA = 64 * 1024;
const LONGEST_ID = 256;

/** The ids of one publisher: unique over processes, stores and restored backups, because 80 bits of each are random. */
export class EventIds {
  readonly #prefix = `evt_${randomBytes(10).toString("hex")}`;
  #last = 0;

  next(): string {
    this.#last += 1;
    return `${this.#prefix}${this.#last.toString(36)}`;
  }
}

/** @throws INVALID_INPUT */
export function toDraft(event: NewEvent, id: string, at: number): EventDraft {
  const fault = findTypeFault(event.type);
  if (fault !== undefined) throw invalid("type", fault);
  return {
    id,
    at,
    type: event.type,
    sessionId: checkId(event.sessionId, "sessionId"),
    correlationId: checkId(event.correlationId ?? null, "correlationId"),
    executionId: checkId(event.executionId ?? null, "executionId"),
    data: writeData(event.data),
  };
}

/** The event of a row, which nobody else has (R1). */
export function toBusEvent(row: EventRow): BusEvent {
  const { id, seq, at, type, sessionId, correlationId, executionId, data } = row;
  return {
    id,
    cursor: cursorOf(seq),
    at,
    type,
    sessionId,
    ...(correlationId === null ? {} : { correlationId }),
    ...(executionId === null ? {} : { executionId }),
    data: JSON.parse(data) as BusEvent["data"],
  };
}

/** @throws INVALID_INPUT for what is neither null nor text that can be kept */
export function checkId(id: unknown, path: string): string | null {
  if (id === null || isPlainText(id, LONGEST_ID)) return id;
  throw invalid(path, `must be text of 1 to ${LONGEST_ID} characters without control characters`);
}

function writeData(data: unknown): string {
  if (typeof data !== "object" || data === null || Array.isArray(data)) throw invalid("data", "must be an object");
  const fault = findJsonFault(data, LARGEST_DATA);
  if (fault !== undefined) throw invalid(`data${dotted(fault.path)}`, fault.message);
  const text = JSON.stringify(data);
  const bytes = Buffer.byteLength(text);
  if (bytes <= LARGEST_DATA) return text;
  throw invalid("data", `has ${bytes} bytes as JSON; at most ${LARGEST_DATA} are taken`);
}
