/**
 * Reads the engine's progress stream: JSON records, one a line.
 *
 * Our own, because docker-modem's `followProgress` resolves on a stream that was cut, drops an error record without a
 * final newline, and breaks characters that are split over chunks.
 *
 * - P1  A record is complete JSON; anything else ends the operation with ENGINE_PROTOCOL.
 * - P2  The last record counts although no newline follows it.
 * - P3  Characters split over chunks stay whole.
 * - P4  A line longer than {@link LONGEST_LINE} is not buffered further: ENGINE_PROTOCOL.
 * - P5  Silence for longer than the inactivity limit ends the operation with ENGINE_TIMEOUT, and the stream is destroyed.
 * - P6  An `error` record is given out like any other: only the operation knows which code it means. Whether the stream
 *       ended with what it had to end with is the operation's to check, by {@link ProgressRecord} it waited for.
 */
import type { Readable } from "node:stream";
import { fail } from "../errors.ts";
import { engineCallError } from "./engine-error.ts";
import { INACTIVITY_MS } from "./deadline.ts";

/** One record of the stream (moby `pkg/jsonmessage`); fields beyond these are left out. */
export interface ProgressRecord {
  readonly id?: string;
  readonly status?: string;
  readonly stream?: string;
  readonly progressDetail?: { readonly current?: number; readonly total?: number };
  readonly error?: string;
  readonly errorDetail?: { readonly message?: string; readonly code?: number };
  readonly aux?: unknown;
}

export interface ProgressStreamOptions {
  /** What is being done, for the message of an error. */
  readonly operation: string;
  readonly signal: AbortSignal;
  readonly inactivityMs?: number;
}

/** Longer than any record an engine writes; a build log line is cut by the engine long before. */
const LONGEST_LINE = 8 * 1024 * 1024;

/** @throws ENGINE_PROTOCOL ENGINE_TIMEOUT ENGINE_RESTARTED, or the signal's reason */
export async function* readProgress(
  stream: Readable,
  options: ProgressStreamOptions,
): AsyncGenerator<ProgressRecord, void> {
  for await (const line of readLines(stream, options)) {
    const text = line.trim();
    if (text !== "") yield parseRecord(text, options.operation);
  }
}

/** The message of an error record, or null when it is not one. */
export function errorOf(record: ProgressRecord): string | null {
  const words: unknown = record.errorDetail?.message ?? record.error ?? null;
  // An engine that means an error by something else than words means an error all the same.
  return words === null || typeof words === "string" ? words : JSON.stringify(words);
}

async function* readLines(
  stream: Readable,
  { operation, signal, inactivityMs = INACTIVITY_MS }: ProgressStreamOptions,
): AsyncGenerator<string, void> {
  const decoder = new TextDecoder();
  let pending: string[] = [];
  let pendingLength = 0;
  let silent = false;
  const timer = setTimeout(() => {
    silent = true;
    stream.destroy();
  }, inactivityMs);
  const onAbort = () => stream.destroy();
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    signal.throwIfAborted();
    for await (const chunk of stream) {
      timer.refresh();
      const parts = decoder.decode(chunk as Buffer, { stream: true }).split("\n");
      const last = parts.pop() ?? "";
      for (const part of parts) {
        yield pending.join("") + part;
        pending = [];
        pendingLength = 0;
      }
      pending.push(last);
      pendingLength += last.length;
      if (pendingLength > LONGEST_LINE)
        throw fail(
          "ENGINE_PROTOCOL",
          `${operation} failed: the engine sent a record of more than ${LONGEST_LINE} characters`,
        );
    }
    signal.throwIfAborted();
    if (silent) throw silence(operation, inactivityMs);
    yield pending.join("") + decoder.decode();
  } catch (cause) {
    signal.throwIfAborted();
    if (silent) throw silence(operation, inactivityMs);
    throw engineCallError(cause, { operation });
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
    stream.destroy();
  }
}

function silence(operation: string, inactivityMs: number): Error {
  return fail("ENGINE_TIMEOUT", `${operation} failed: the engine said nothing for ${inactivityMs} ms`, {
    details: { inactivityMs },
  });
}

function parseRecord(text: string, operation: string): ProgressRecord {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw fail(
      "ENGINE_PROTOCOL",
      `${operation} failed: the engine sent something that is not JSON: ${JSON.stringify(text.slice(0, 80))}`,
      { cause },
    );
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw fail("ENGINE_PROTOCOL", `${operation} failed: the engine sent ${text.slice(0, 80)} where a record was due`);
  }
  return value;
}
