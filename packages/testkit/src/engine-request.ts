import { request as httpRequest } from "node:http";
import type { IncomingMessage, RequestOptions } from "node:http";
import type { Readable } from "node:stream";

/** What a request to the engine may carry. */
export interface EngineRequestOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer | string | Readable;
  /** Milliseconds for the whole exchange; 30,000 by default. */
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal;
}

/** A whole answer of an engine. */
export interface EngineAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  /** The body as JSON, whatever its type: the caller knows what it asked for. */
  readonly json: () => unknown;
}

/**
 * Asks an engine directly, past the code under test: for truth checks and for the rig itself.
 *
 * @param host `unix:///path` or `tcp://host:port`, as `DOCKER_HOST` has it.
 * @example const answer = await engineRequest(rig.engine.host, "GET", "/images/app:1/json");
 */
export async function engineRequest(
  host: string,
  method: string,
  path: string,
  options: EngineRequestOptions = {},
): Promise<EngineAnswer> {
  const deadline = AbortSignal.timeout(options.deadlineMs ?? 30_000);
  const signal = options.signal === undefined ? deadline : AbortSignal.any([deadline, options.signal]);
  const response = await send({ ...endpoint(host), method, path, headers: options.headers, signal }, options.body);
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString("utf8");
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    text,
    json: () => JSON.parse(text) as unknown,
  };
}

/** The options of `http.request` that reach an engine. */
export function endpoint(host: string): Pick<RequestOptions, "socketPath" | "host" | "port"> {
  if (host.startsWith("unix://")) return { socketPath: host.slice("unix://".length), host: "localhost" };
  const url = new URL(host.replace(/^tcp:/, "http:"));
  if (url.protocol !== "http:") throw new TypeError(`expected a unix:// or tcp:// engine, got ${host}`);
  return { host: url.hostname.replace(/^\[|\]$/g, ""), port: url.port === "" ? 2375 : Number(url.port) };
}

function send(options: RequestOptions, body: EngineRequestOptions["body"]): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    // One connection per request: a kept one fails its next request when the engine restarts in between.
    const request = httpRequest({ ...options, agent: false }, resolve);
    request.on("error", reject);
    if (body === undefined || typeof body === "string" || Buffer.isBuffer(body)) {
      request.end(body);
      return;
    }
    body.on("error", (error) => request.destroy(error));
    body.pipe(request);
  });
}
