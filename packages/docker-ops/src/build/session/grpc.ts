/**
 * Serves gRPC methods over a connection that the engine has handed over (gRPC over HTTP/2, PROTOCOL-HTTP2.md): as much
 * as a build session needs, without compression.
 */
import { performServerHandshake } from "node:http2";
import type { IncomingHttpHeaders, ServerHttp2Session, ServerHttp2Stream } from "node:http2";
import type { Duplex } from "node:stream";
import { once } from "node:events";

/** One call that the engine makes to us. */
export interface GrpcCall {
  readonly metadata: IncomingHttpHeaders;
  /** The messages that come in. */
  readonly messages: AsyncIterable<Buffer>;
  /** Sends one message; waits while the engine does not read. */
  send(message: Buffer): Promise<void>;
}

/** A method's implementation; what it throws becomes the call's error status: UNKNOWN, unless a {@link GrpcError} says which. */
export type GrpcMethod = (call: GrpcCall) => Promise<void>;

/** Ends a call with a status of its own; the engine takes NOT_FOUND for something that may be missing. */
export class GrpcError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** `google.rpc.Code`. */
export const GRPC_NOT_FOUND = 5;

const PREFIX = 5;
/** Messages are put together up to this size. */
const BLOCK = 64 * 1024;
/** The largest message that is taken in; the engine's requests are tiny. */
const LARGEST = 4 * 1024 * 1024;
const UNKNOWN = 2;
const UNIMPLEMENTED = 12;

/** Serves the methods (by path) until the connection ends. */
export function serveGrpc(socket: Duplex, methods: Readonly<Record<string, GrpcMethod>>): ServerHttp2Session {
  const session = performServerHandshake(socket);
  session.on("stream", (stream, headers) => {
    // A stream that breaks ends its own call; the build's answer tells what it means.
    stream.on("error", () => {});
    void serveCall(stream, headers, methods[headers[":path"] ?? ""]);
  });
  session.on("error", () => {});
  return session;
}

async function serveCall(
  stream: ServerHttp2Stream,
  metadata: IncomingHttpHeaders,
  method: GrpcMethod | undefined,
): Promise<void> {
  let trailers: Record<string, string> = { "grpc-status": "0" };
  stream.respond({ ":status": 200, "content-type": "application/grpc+proto" }, { waitForTrailers: true });
  stream.on("wantTrailers", () => stream.sendTrailers(trailers));
  if (method === undefined) {
    trailers = { "grpc-status": String(UNIMPLEMENTED) };
  } else {
    const { send, flush } = createSender(stream);
    try {
      await method({ metadata, messages: readMessages(stream), send });
    } catch (error) {
      trailers = {
        "grpc-status": String(error instanceof GrpcError ? error.status : UNKNOWN),
        "grpc-message": encodeURIComponent(error instanceof Error ? error.message : "failed"),
      };
    }
    flush();
  }
  if (!stream.destroyed) stream.end();
}

interface Sender {
  readonly send: (message: Buffer) => Promise<void>;
  /** Lets out what is still held back. */
  readonly flush: () => void;
}

/**
 * Puts small messages together: each write is a frame of its own, and ten thousand files make twenty thousand messages.
 * What is held back leaves with the next turn of the event loop at the latest.
 */
function createSender(stream: ServerHttp2Stream): Sender {
  let held: Buffer[] = [];
  let bytes = 0;
  let scheduled = false;
  /** One wait for all who send at once. */
  let draining: Promise<void> | null = null;
  const flush = (): void => {
    scheduled = false;
    if (bytes === 0 || stream.destroyed) return;
    stream.write(Buffer.concat(held, bytes));
    held = [];
    bytes = 0;
  };
  const send = async (message: Buffer): Promise<void> => {
    if (stream.destroyed) throw new Error("the engine closed the call");
    const prefix = Buffer.alloc(PREFIX);
    prefix.writeUInt32BE(message.length, 1);
    held.push(prefix, message);
    bytes += PREFIX + message.length;
    if (bytes >= BLOCK) flush();
    else if (!scheduled) {
      scheduled = true;
      setImmediate(flush);
    }
    if (!stream.writableNeedDrain) return;
    draining ??= drained(stream).finally(() => (draining = null));
    await draining;
  };
  return { send, flush };
}

/** Waits until the engine reads again or the call is over, and leaves no listener behind. */
async function drained(stream: ServerHttp2Stream): Promise<void> {
  const over = new AbortController();
  const { signal } = over;
  try {
    await Promise.race([once(stream, "drain", { signal }), once(stream, "close", { signal })]);
  } finally {
    over.abort();
  }
}

async function* readMessages(stream: ServerHttp2Stream): AsyncGenerator<Buffer, void> {
  let pending = Buffer.alloc(0);
  // A method that has heard enough still answers: leaving the loop must not end the stream.
  const chunks: AsyncIterable<Buffer> = stream.iterator({ destroyOnReturn: false });
  for await (const chunk of chunks) {
    pending = Buffer.concat([pending, chunk]);
    while (pending.length >= PREFIX) {
      const length = pending.readUInt32BE(1);
      if (pending[0] !== 0 || length > LARGEST)
        throw new RangeError("expected an uncompressed message of ordinary size");
      if (pending.length < PREFIX + length) break;
      yield pending.subarray(PREFIX, PREFIX + length);
      pending = pending.subarray(PREFIX + length);
    }
  }
}
