/** Reads the events of a session. */
import type { BusEvent, EventBus } from "@container-kit/context-sharing";

const PAGE = 1000;

/** Which of them are read. */
export interface ReadEventsOptions {
  /** Default: all types. */
  readonly pattern?: string;
  /** The newest so many; default: all that are there. */
  readonly most?: number;
}

/** The events of a session that are there, oldest first. @throws STORE_* */
export async function readSessionEvents(
  events: Pick<EventBus, "read">,
  sessionId: string,
  { pattern = "**", most = Infinity }: ReadEventsOptions = {},
): Promise<readonly BusEvent[]> {
  let read: readonly BusEvent[] = [];
  for (let after: string | undefined; ;) {
    const page = await events.read({ sessionId, pattern, limit: PAGE, ...(after === undefined ? {} : { after }) });
    read = [...read, ...page.events].slice(Number.isFinite(most) ? -most : 0);
    if (page.events.length < PAGE) return read;
    after = page.cursor;
  }
}
