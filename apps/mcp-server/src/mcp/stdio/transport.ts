import type { Readable } from "node:stream";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import { ErrorCode, JSONRPCMessageSchema } from "@modelcontextprotocol/sdk/types.js";
import type { JSONRPCMessage, RequestId } from "@modelcontextprotocol/sdk/types.js";
import { createLineReader } from "./line-reader.ts";
import type { LineReader } from "./line-reader.ts";
import { createOutbox } from "./outbox.ts";
import type { Outbox, OutboxStream } from "./outbox.ts";

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
export interface StdioTransport extends Transport {
  /** Resolves when everything that was sent has left the process, or cannot any more. */
  flushed(): Promise<void>;
}

export interface StdioTransportOptions {
  readonly input: Readable;
  readonly output: OutboxStream;
  /** The most bytes of one message. Default 10 MiB. */
  readonly limit?: number;
  /** A result whose JSON is known already, so that it is not made again for every request. */
  readonly serialized?: (result: object) => string | undefined;
}

const DEFAULT_LIMIT = 10 * 1024 * 1024;
const LAST_ANSWERS_MS = 500;

export function createStdioTransport(options: StdioTransportOptions): StdioTransport {
  return new LineTransport(options);
}

class LineTransport implements StdioTransport {
  onmessage?: NonNullable<Transport["onmessage"]>;
  onclose?: () => void;
  onerror?: (error: Error) => void;
  readonly #input: Readable;
  readonly #output: OutboxStream;
  readonly #serialized: (result: object) => string | undefined;
  readonly #outbox: Outbox;
  readonly #reader: LineReader;
  readonly #unanswered = new Set<RequestId>();
  #closed = false;
  #ended = false;

  constructor({ input, output, limit = DEFAULT_LIMIT, serialized = () => undefined }: StdioTransportOptions) {
    this.#input = input;
    this.#output = output;
    this.#serialized = serialized;
    this.#outbox = createOutbox(output, { onPressure: (pressed) => this.#hold(pressed) });
    this.#reader = createLineReader({
      limit,
      onLine: (line) => this.#take(line),
      onOverflow: () => {
        const message = `A message is larger than ${limit} bytes; the connection is closed.`;
        this.#refuse(null, ErrorCode.InvalidRequest, message);
        void this.close();
      },
    });
  }

  async start(): Promise<void> {
    this.#output.on("error", () => {
      this.#outbox.discard();
      void this.close();
    });
    const onEnd = this.#onEnd;
    this.#input.on("data", this.#onData).on("end", onEnd).on("close", onEnd).on("error", onEnd);
  }

  async send(message: JSONRPCMessage): Promise<void> {
    this.#outbox.send(`${serialize(message, this.#serialized)}\n`, progressTopic(message));
    if ("method" in message || !("id" in message) || message.id === undefined) return;
    this.#unanswered.delete(message.id);
    if (this.#ended && this.#unanswered.size === 0) void this.close();
  }

  async close(): Promise<void> {
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
    if (this.#unanswered.size === 0) void this.close();
    else setTimeout(() => void this.close(), LAST_ANSWERS_MS).unref();
  };

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
      this.#refuse(null, ErrorCode.ParseError, "Parse error: the line is not JSON.");
      return;
    }
    const message = JSONRPCMessageSchema.safeParse(value);
    if (message.success) {
      if ("method" in message.data && "id" in message.data) this.#unanswered.add(message.data.id);
      this.onmessage?.(message.data);
    } else if (!isAnswer(value)) {
      const told = "Invalid Request: this is not a JSON-RPC 2.0 message of MCP.";
      this.#refuse(idOf(value), ErrorCode.InvalidRequest, told);
    }
  }

  #refuse(id: RequestId | null, code: ErrorCode, message: string): void {
    this.#outbox.send(`${JSON.stringify({ jsonrpc: "2.0", id, error: { code, message } })}\n`);
    this.onerror?.(new Error(message));
  }
}

function serialize(message: JSONRPCMessage, serialized: (result: object) => string | undefined): string {
  const known = "result" in message ? serialized(message.result) : undefined;
  if (known === undefined || !("id" in message)) return JSON.stringify(message);
  return `{"jsonrpc":"2.0","id":${JSON.stringify(message.id)},"result":${known}}`;
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
