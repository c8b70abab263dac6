import { setImmediate as nextTurn } from "node:timers/promises";
import { invalid } from "../errors.ts";
import { cursorOf, parseCursor } from "./cursor.ts";
import type { EventLog } from "./event-log.ts";
import { checkId, toBusEvent } from "./event-row.ts";
import type { EventRow } from "./event-row.ts";
import { parsePattern } from "./pattern.ts";
import type { EventBus, EventGap, EventPage } from "./types.ts";

const MOST_EVENTS = 1000;
const DEFAULT_EVENTS = 100;
/** So many rows are looked at without other work having its turn. */
const ROWS_AT_ONCE = 500;

/** One page of events, see {@link EventBus.read}. @throws INVALID_INPUT STORE_* */
export async function readEvents(
  log: EventLog,
  { pattern = "**", sessionId, after, limit = DEFAULT_EVENTS }: NonNullable<Parameters<EventBus["read"]>[0]>,
): Promise<EventPage> {
  const isWanted = parsePattern(pattern);
  if (sessionId !== undefined) checkId(sessionId, "sessionId");
  if (!Number.isInteger(limit) || limit < 1 || limit > MOST_EVENTS) {
    throw invalid("limit", `must be a whole number from 1 to ${MOST_EVENTS}`);
  }
  const start = after === undefined ? undefined : parseCursor(after, "after", log.last());
  const found: EventRow[] = [];
  let seen = start ?? log.floor();
  let gap: EventGap | null = null;
  for (;;) {
    const page = log.pageAfter({ after: seen, sessionId, limit: ROWS_AT_ONCE });
    // Who asks for what is there still misses nothing of what is not.
    if (page.floor > seen && (start !== undefined || found.length > 0)) {
      gap ??= { after: cursorOf(seen), until: cursorOf(page.rows[0]?.seq ?? page.last) };
    }
    found.push(...page.rows.filter(({ type }) => isWanted(type)).slice(0, limit - found.length));
    const isFull = found.length === limit;
    seen = isFull ? (found.at(-1)?.seq ?? seen) : page.through;
    if (isFull || seen >= page.last) return { events: found.map(toBusEvent), cursor: cursorOf(seen), gap };
    await nextTurn();
  }
}
