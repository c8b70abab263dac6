/**
 * Hands one event to a handler until it has taken it, or it is passed over.
 *
 * - H1  Each try gets the event anew, so that a handler that changed it and then failed begins with the right one.
 * - H2  What is passed over is told as `bus.undelivered`, except one of these itself: a handler that takes nothing would
 *       otherwise keep itself busy for ever. It names the error by its code only: a message may hold what is secret.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { isKitError } from "@container-kit/errors";
import type { Logger } from "@container-kit/observability";
import { toBusEvent } from "./event-row.ts";
import type { EventRow } from "./event-row.ts";
import type { NewEvent, SubscribeOptions } from "./types.ts";

/** How events reach one handler. */
export interface DeliveryOptions {
  readonly name: string | undefined;
  readonly pattern: string;
  readonly handler: SubscribeOptions["handler"];
  /** The pauses between the tries; one try more than there are pauses. */
  readonly pausesMs: readonly number[];
  readonly logger: Logger;
  /** Ends a pause. */
  readonly signal: AbortSignal;
  /** Tells of an event that was passed over. */
  readonly tell: (event: NewEvent) => void;
}

const UNDELIVERED = "bus.undelivered";

/** @returns whether the event is done with; false when the signal came before */
export async function deliver(row: EventRow, options: DeliveryOptions): Promise<boolean> {
  const { handler, pausesMs, logger, signal } = options;
  for (let tries = 1; ; tries += 1) {
    const event = toBusEvent(row);
    try {
      await handler(event);
      return true;
    } catch (error) {
      const facts = { event: event.id, type: event.type, subscriber: options.name ?? options.pattern, tries, error };
      const pauseMs = pausesMs[tries - 1];
      if (pauseMs === undefined) {
        logger.error("an event was passed over: its handler failed each time", facts);
        passOver(row, tries, error, options);
        return true;
      }
      logger.debug("a handler of events failed; it gets the event again", facts);
      if (!(await pause(pauseMs, signal))) return false;
    }
  }
}

function passOver(row: EventRow, tries: number, error: unknown, { name, pattern, tell }: DeliveryOptions): void {
  if (row.type === UNDELIVERED) return;
  const { id, cursor, type, sessionId, correlationId } = toBusEvent(row);
  const code = isKitError(error) ? error.code : "INTERNAL";
  const data = { event: id, cursor, type, subscriber: name ?? null, pattern, tries, code };
  tell({ type: UNDELIVERED, sessionId, ...(correlationId === undefined ? {} : { correlationId }), data });
}

async function pause(ms: number, signal: AbortSignal): Promise<boolean> {
  try {
    await sleep(ms, undefined, { signal, ref: false });
    return true;
  } catch {
    // Only the signal ends a pause early.
    return false;
  }
}
