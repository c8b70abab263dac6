import type { Readable } from "node:stream";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import { ErrorCode, JSONRPCMessageSchema } from "@modelcontextprotocol/sdk/types.js";
import type { JSONRPCMessage, RequestId } from "@modelcontextprotocol/sdk/types.js";
import { createLineReader } from "./line-reader.ts";
import { createOutbox } from "./outbox.ts";
import type { OutboxStream } from "./outbox.ts";

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
  const { input, output, limit = DEFAULT_LIMIT, serialized = () => undefined } = options;
  const unanswered = new Set<RequestId>();
  let closed = false;
  let ended = false;

  const outbox = createOutbox(output, {
    onPressure: (pressed) => {
      if (closed) return;
      if (pressed) input.pause();
      else input.resume();
    },
  });
  const reader = createLineReader({
    limit,
    onLine: (line) => take(line),
    onOverflow: () => {
      refuse(null, ErrorCode.InvalidRequest, `A message is larger than ${limit} bytes; the connection is closed.`);
      void transport.close();
    },
  });
  const onData = (chunk: Buffer): void => reader.push(chunk);
  const onEnd = (): void => {
    ended = true;
    if (unanswered.size === 0) void transport.close();
    else setTimeout(() => void transport.close(), LAST_ANSWERS_MS).unref();
  };

  function take(line: string): void {
    if (closed || line.trim() === "") return;
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch (error) {
      refuse(null, ErrorCode.ParseError, `Parse error: ${(error as Error).message}`);
      return;
    }
    const message = JSONRPCMessageSchema.safeParse(value);
    if (message.success) {
      if ("method" in message.data && "id" in message.data) unanswered.add(message.data.id);
      transport.onmessage?.(message.data);
    } else if (!isAnswer(value))
      refuse(idOf(value), ErrorCode.InvalidRequest, "Invalid Request: this is not a JSON-RPC 2.0 message of MCP.");
  }

  function refuse(id: RequestId | null, code: ErrorCode, message: string): void {
    outbox.send(`${JSON.stringify({ jsonrpc: "2.0", id, error: { code, message } })}\n`);
    transport.onerror?.(new Error(message));
  }

  const transport: StdioTransport = {
    async start() {
      output.on("error", () => {
        outbox.discard();
        void transport.close();
      });
      input.on("data", onData).on("end", onEnd).on("close", onEnd).on("error", onEnd);
    },
    async send(message) {
      outbox.send(`${serialize(message, serialized)}\n`, progressTopic(message));
      if ("method" in message || !("id" in message) || message.id === undefined) return;
      unanswered.delete(message.id);
      if (ended && unanswered.size === 0) void transport.close();
    },
    async close() {
      if (closed) return;
      closed = true;
      input.off("data", onData);
      input.pause();
      transport.onclose?.();
    },
    flushed: () => outbox.flushed(),
  };
  return transport;
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
