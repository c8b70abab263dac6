import type { BusEvent } from "./types.ts";

/** An event as others know it: CloudEvents 1.0 in its structured JSON form. https://github.com/cloudevents/spec */
export interface CloudEvent {
  readonly specversion: "1.0";
  readonly id: string;
  readonly source: string;
  readonly type: string;
  /** The session, where it belongs to one. */
  readonly subject?: string;
  readonly time: string;
  readonly datacontenttype: "application/json";
  readonly data: BusEvent["data"];
  /** Where it is in the order of all events; opaque. */
  readonly cursor: string;
  readonly correlationid?: string;
  readonly executionid?: string;
}

/** Says an event to others. @param source who tells it, as a URI reference: it and the event's id are unique together */
export function toCloudEvent(event: BusEvent, source: string): CloudEvent {
  const { id, type, sessionId, at, data, cursor, correlationId, executionId } = event;
  return {
    specversion: "1.0",
    id,
    source,
    type,
    ...(sessionId === null ? {} : { subject: sessionId }),
    time: new Date(at).toISOString(),
    datacontenttype: "application/json",
    data,
    cursor,
    ...(correlationId === undefined ? {} : { correlationid: correlationId }),
    ...(executionId === undefined ? {} : { executionid: executionId }),
  };
}
