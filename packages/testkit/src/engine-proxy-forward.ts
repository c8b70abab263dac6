import { request as httpRequest } from "node:http";
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import { endpoint } from "./engine-request.ts";
import type { Fault } from "./engine-proxy-faults.ts";

export interface Forwarding {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly target: string;
  /** What to do to the engine's answer; undefined lets it pass. */
  readonly fault: Fault | undefined;
}

/** Sends a request on to the engine and its answer back, with a fault on the way if there is one. */
export function forward({ request, response, target, fault }: Forwarding): void {
  const upstream = httpRequest({
    ...endpoint(target),
    method: request.method,
    path: request.url,
    headers: request.headers,
    agent: false,
  });
  upstream.once("response", (answered) => {
    if (fault?.kind === "replace") replaceBody(answered, response, fault.body);
    else streamBody(answered, response, fault);
    // An engine that dies in the middle of its answer takes the client's connection with it.
    answered.once("error", () => response.destroy());
  });
  upstream.once("error", () => response.destroy());
  // The client went away: so does the request to the engine.
  response.once("close", () => upstream.destroy());
  request.pipe(upstream);
}

/** Headers that belong to one connection or to a body that is sent as it was. */
function passable(headers: IncomingHttpHeaders, keepLength: boolean): IncomingHttpHeaders {
  const dropped = new Set(["connection", "transfer-encoding", ...(keepLength ? [] : ["content-length"])]);
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !dropped.has(name)));
}

function streamBody(answered: IncomingMessage, response: ServerResponse, fault: Fault | undefined): void {
  const limit = fault !== undefined && "afterBytes" in fault ? fault.afterBytes : Infinity;
  const kind = fault?.kind;
  // "end" must look whole, so its length may not be announced; "cut" keeps the length and breaks the promise.
  response.writeHead(answered.statusCode ?? 502, passable(answered.headers, kind !== "end"));
  response.flushHeaders();
  let sent = 0;
  // What is on its way is let out before the connection goes: the client gets exactly so many bytes.
  const stop = (): void => {
    answered.removeAllListeners("data");
    answered.resume();
    if (kind === "end") response.end();
    else if (kind === "cut") response.socket?.end(() => response.destroy());
  };
  if (limit === 0) {
    stop();
    return;
  }
  answered.on("data", (chunk: Buffer) => {
    const part = chunk.subarray(0, limit - sent);
    sent += part.length;
    if (!response.write(part)) {
      answered.pause();
      response.once("drain", () => answered.resume());
    }
    if (sent >= limit) stop();
  });
  answered.once("end", () => {
    // A stalling answer never ends, even where the engine's had fewer bytes.
    if (kind === "cut") response.destroy();
    else if (kind !== "stall") response.end();
  });
}

function replaceBody(
  answered: IncomingMessage,
  response: ServerResponse,
  body: string | Buffer | ((body: string) => string),
): void {
  const chunks: Buffer[] = [];
  answered.on("data", (chunk: Buffer) => chunks.push(chunk));
  answered.once("end", () => {
    const given = typeof body === "function" ? body(Buffer.concat(chunks).toString("utf8")) : body;
    response.writeHead(answered.statusCode ?? 502, passable(answered.headers, false));
    response.end(given);
  });
}
