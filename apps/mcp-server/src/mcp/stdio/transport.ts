import type { Readable } from "node:stream";
import type { JSONRPCMessage, RequestId } from "@modelcontextprotocol/sdk/types.js";
import { PROTOCOL_ERROR } from "../protocol.ts";
import type { Wire } from "../wire.ts";
import { createLineReader } from "./line-reader.ts";
import type { LineReader } from "./line-reader.ts";
import { createOutbox } from "./outbox.ts";
import type { Outbox, OutboxStream } from "./outbox.ts";
import { isMessage } from "./read-message.ts";

/**
 * MCP over stdin and stdout: one JSON-RPC message per line.
 *
 * The SDK's own stdio transport copies its whole buffer for every chunk, does not notice that its client is gone and
 * writes without asking whether anybody reads; this one holds:
 *
 * - T1  The end of stdin and an error of stdout close the connection: a server never outlives its client. What was
 *       asked just before the end gets a moment to be answered, so that requests can be piped in.
 * - T2  A line that is no JSON-RPC message is answered as such, and the connection goes on.
 * - T3  A message above the limit is answered once, and the connection closes.
 * - T4  While the client does not read, nothing more is read from it (see outbox.ts for what is kept).
 */
export interface StdioTransport extends Wire {
  /** Resolves when everything that was sent has left the process, or cannot any more. */
  flushed(): Promise<void>;
}

export interface StdioTransportOptions {
  readonly input: Readable;
  readonly output: OutboxStream;
  /** The most bytes of one message. Default 10 MiB. */
  readonly limit?: number;
}

const DEFAULT_LIMIT = 10 * 1024 * 1024;
const LAST_ANSWERS_MS = 500;

export function createStdioTransport(options: StdioTransportOptions): StdioTransport {
  return new LineTransport(options);
}

class LineTransport implements StdioTransport {
  onmessage?: NonNullable<Wire["onmessage"]>;
  onclose?: () => void;
  onerror?: (error: Error) => void;
  readonly #input: Readable;
  readonly #output: OutboxStream;
  readonly #outbox: Outbox;
  readonly #reader: LineReader;
  readonly #unanswered = new Set<RequestId>();
  #closed = false;
  #ended = false;

  constructor({ input, output, limit = DEFAULT_LIMIT }: StdioTransportOptions) {
    this.#input = input;
    this.#output = output;
    this.#outbox = createOutbox(output, { onPressure: (pressed) => this.#hold(pressed) });
    this.#reader = createLineReader({
      limit,
      onLine: (line) => this.#take(line),
      onOverflow: () => {
        const message = `A message is larger than ${limit} bytes; the connection is closed.`;
        this.#refuse(null, PROTOCOL_ERROR.invalidRequest, message);
        this.close();
      },
    });
  }

  start(): void {
    this.#output.on("error", () => {
      this.#outbox.discard();
      this.close();
    });
    const onEnd = this.#onEnd;
    this.#input.on("data", this.#onData).on("end", onEnd).on("close", onEnd).on("error", onEnd);
  }

  send(message: JSONRPCMessage): void {
    this.#outbox.send(`${JSON.stringify(message)}\n`, progressTopic(message));
    if (!("method" in message) && message.id !== undefined) this.#answered(message.id);
  }

  answer(id: RequestId, result: string): void {
    this.#outbox.send(`{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":${result}}\n`);
    this.#answered(id);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#input.off("data", this.#onData);
    this.#input.pause();
    this.onclose?.();
  }

  flushed(): Promise<void> {
    return this.#outbox.flushed();
  }

  readonly #onData = (chunk: Buffer): void => this.#reader.push(chunk);

  readonly #onEnd = (): void => {
    this.#ended = true;
    if (this.#unanswered.size === 0) this.close();
    else setTimeout(() => this.close(), LAST_ANSWERS_MS).unref();
  };

  #answered(id: RequestId): void {
    this.#unanswered.delete(id);
    if (this.#ended && this.#unanswered.size === 0) void this.#outbox.flushed().then(() => this.close());
  }

  #hold(pressed: boolean): void {
    if (this.#closed) return;
    if (pressed) this.#input.pause();
    else this.#input.resume();
  }

  #take(line: string): void {
    if (this.#closed || line.trim() === "") return;
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch {
      // The parser's own words quote the line.
      this.#refuse(null, PROTOCOL_ERROR.parse, "Parse error: the line is not JSON.");
      return;
    }
    if (!isMessage(value)) {
      if (isAnswer(value)) return;
      const told = "Invalid Request: this is not a JSON-RPC 2.0 message of MCP.";
      this.#refuse(idOf(value), PROTOCOL_ERROR.invalidRequest, told);
    } else if ("method" in value) {
      if ("id" in value) this.#unanswered.add(value.id);
      this.onmessage?.(value);
    } else {
      this.onerror?.(new Error("The client answered what it was not asked."));
    }
  }

  #refuse(id: RequestId | null, code: number, message: string): void {
    this.#outbox.send(`${JSON.stringify({ jsonrpc: "2.0", id, error: { code, message } })}\n`);
    this.onerror?.(new Error(message));
  }
}

function progressTopic(message: JSONRPCMessage): string | number | undefined {
  if (!("method" in message) || message.method !== "notifications/progress") return undefined;
  return message.params?.["progressToken"] as string | number | undefined;
}

/** A broken answer is not answered: two careful peers would answer each other for ever. */
function isAnswer(value: unknown): boolean {
  return typeof value === "object" && value !== null && ("result" in value || "error" in value);
}

/** The id to answer to, where the broken message has a usable one. */
function idOf(value: unknown): RequestId | null {
  if (typeof value !== "object" || value === null || !("id" in value)) return null;
  return typeof value.id === "string" || Number.isSafeInteger(value.id) ? (value.id as RequestId) : null;
}
