/**
 * The wire to one engine: requests of the Engine API over a unix socket, TCP, TLS, or the docker program's own
 * connection.
 *
 * - T1  Only questions (GET) go over a connection that is kept, and one that breaks on a kept connection is asked again
 *       on a new one: after an engine restart the first call succeeds. Whatever changes something has a connection of
 *       its own and is never repeated.
 * - T2  A question that an engine fails to answer (a status of 500 or 502 to 504, or a broken connection) is asked up to
 *       {@link ATTEMPTS} times.
 * - T3  An answer with an error status, and a connection that fails, come out as typed errors.
 * - T4  Paths carry no API version: the engine takes its own, so that no engine is too old or too new for us.
 */
import http from "node:http";
import { pipeline } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import type { Duplex, Readable } from "node:stream";
import { fail } from "../errors.ts";
import type { EngineEndpoint } from "../endpoint/types.ts";
import { openDialer } from "./dial.ts";
import type { DialOptions } from "./dialer.ts";
import { EngineStatusError, engineCallError } from "./engine-error.ts";

export type Query = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

interface EngineRequest {
  readonly method: "GET" | "POST" | "DELETE" | "HEAD" | "PUT";
  /** Without the version prefix, e.g. `/images/json`. */
  readonly path: string;
  readonly query?: Query;
  /** A JSON body. */
  readonly body?: Readonly<Record<string, unknown>>;
  /** A tar archive as body. */
  readonly archive?: Readable;
  /** The value of `X-Registry-Auth`. */
  readonly registryAuth?: string;
  /** The value of `X-Registry-Config`. */
  readonly registryConfig?: string;
  readonly signal: AbortSignal;
  /**
   * The longest time in which nothing goes either way before the answer begins, in milliseconds; without it the signal
   * alone ends the wait. What comes of the answer itself is for its reader to watch.
   */
  readonly silenceMs?: number;
  /** What is being done, for the message of an error. */
  readonly operation: string;
  readonly registry?: boolean;
}

/** Talks to one engine. */
export interface Transport {
  /** The parsed JSON of the answer; null for an empty one. */
  json(request: EngineRequest): Promise<unknown>;
  /** The answer's body as it comes. */
  stream(request: EngineRequest): Promise<Readable>;
  /** The connection itself, once the engine has handed it over; null where the engine answers without doing so. */
  upgrade(request: UpgradeRequest): Promise<Duplex | null>;
  /** Lets the connections go that are kept and idle: the next question finds out anew who answers. */
  renew(): void;
  /** Ends the connections that are kept. */
  close(): void;
}

interface UpgradeRequest {
  readonly path: string;
  /** The value of `Upgrade`. */
  readonly protocol: string;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly signal: AbortSignal;
  readonly operation: string;
}

/** How often a question is asked before its failure is told. */
const ATTEMPTS = 3;
const PAUSE_MS = 50;
/** A longer answer to a question is not an engine's; ten thousand images are listed in a few megabytes. */
const LARGEST_ANSWER = 64 * 1024 * 1024;
/** An engine says in less why it refuses. */
const LONGEST_WORDS = 64 * 1024;

/** @throws ENGINE_BAD_ENDPOINT when the TLS files of the endpoint cannot be read, or no program reaches it */
export async function openTransport(
  endpoint: EngineEndpoint,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Transport> {
  const dialer = await openDialer(endpoint, env);
  return {
    json: async (request) => {
      if (request.method !== "GET") return readJson(await send(dialer.once(), request), request);
      return askRepeatedly(request, async (attempt) =>
        readJson(await send(attempt === 1 ? dialer.kept() : dialer.once(), request), request),
      );
    },
    stream: (request) => send(dialer.once(), request),
    upgrade: (request) => upgrade(dialer.once(), request),
    renew: () => dialer.renew(),
    close: () => dialer.close(),
  };
}

/** T2. */
async function askRepeatedly({ signal }: EngineRequest, ask: (attempt: number) => Promise<unknown>): Promise<unknown> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await ask(attempt);
    } catch (error) {
      if (attempt === ATTEMPTS || signal.aborted || !isPassing(error)) throw error;
      // Not all at once, where many ask the same engine.
      await sleep(PAUSE_MS * attempt * (0.5 + Math.random()), undefined, { signal });
    }
  }
}

const PASSING_STATUS: ReadonlySet<number> = new Set([500, 502, 503, 504]);

function isPassing(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error.cause instanceof EngineStatusError) return PASSING_STATUS.has(error.cause.status);
  return "code" in error && error.code === "ENGINE_RESTARTED";
}

/** Sends a request. @returns the answer, whose status is a success */
function send(dial: DialOptions, request: EngineRequest): Promise<http.IncomingMessage> {
  const { method, query = {}, body, archive, signal, silenceMs } = request;
  return new Promise((resolve, reject) => {
    const path = `${request.path}${search(query)}`;
    const outgoing = http.request({ ...dial, method, path, headers: headersOf(request), signal });
    const failed = (cause: unknown) => reject(engineCallError(cause, errorContext(request)));
    outgoing.on("error", failed);
    if (silenceMs !== undefined)
      outgoing.setTimeout(silenceMs, () => outgoing.destroy(silence(request.operation, silenceMs)));
    outgoing.on("response", (answer) => {
      outgoing.setTimeout(0);
      if (isSuccess(answer)) resolve(answer);
      else readStatus(answer).then(failed, failed);
    });
    if (archive === undefined) {
      outgoing.end(body === undefined ? undefined : JSON.stringify(body));
      return;
    }
    archive.once("error", (cause) => outgoing.destroy(cause));
    // What ends one of the two ends the other; the request's own events tell how it went.
    pipeline(archive, outgoing, () => {});
  });
}

function silence(operation: string, silenceMs: number): Error {
  return fail("ENGINE_TIMEOUT", `${operation} failed: the engine said nothing for ${silenceMs} ms`, {
    details: { inactivityMs: silenceMs },
  });
}

function headersOf({ body, archive, registryAuth, registryConfig }: EngineRequest): http.OutgoingHttpHeaders {
  return {
    ...(registryAuth === undefined ? {} : { "X-Registry-Auth": registryAuth }),
    ...(registryConfig === undefined ? {} : { "X-Registry-Config": registryConfig }),
    ...(archive === undefined ? {} : { "Content-Type": "application/x-tar" }),
    ...(body === undefined ? {} : { "Content-Type": "application/json" }),
  };
}

function search(query: Query): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined) continue;
    for (const each of Array.isArray(value) ? value : [value]) parameters.append(name, String(each));
  }
  return parameters.size === 0 ? "" : `?${parameters.toString()}`;
}

function errorContext({ operation, registry }: EngineRequest): { operation: string; registry?: boolean } {
  return { operation, ...(registry === true ? { registry } : {}) };
}

function isSuccess({ statusCode = 0 }: http.IncomingMessage): boolean {
  // 304: what was asked for is so already, e.g. a container that runs is started.
  return (statusCode >= 200 && statusCode < 300) || statusCode === 304;
}

async function readStatus(answer: http.IncomingMessage): Promise<EngineStatusError> {
  return new EngineStatusError(answer.statusCode ?? 0, await readStart(answer));
}

/** As much of a refusal as its words may take; the rest is not read. */
async function readStart(answer: http.IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    size += chunk.length;
    chunks.push(chunk);
    if (size > LONGEST_WORDS) break;
  }
  return Buffer.concat(chunks).toString("utf8");
}

async function readJson(answer: http.IncomingMessage, request: EngineRequest): Promise<unknown> {
  const text = await readBody(answer).catch((cause: unknown) => {
    throw engineCallError(cause, errorContext(request));
  });
  if (text.trim() === "") return null;
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw fail("ENGINE_PROTOCOL", `${request.operation} failed: the engine's answer is not JSON`, { cause });
  }
}

async function readBody(answer: http.IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > LARGEST_ANSWER)
      throw fail("ENGINE_PROTOCOL", `the engine's answer is larger than ${LARGEST_ANSWER} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function upgrade(
  dial: DialOptions,
  { path, protocol, headers, signal, operation }: UpgradeRequest,
): Promise<Duplex | null> {
  return new Promise((resolve, reject) => {
    const outgoing = http.request({
      ...dial,
      method: "POST",
      path,
      headers: { ...copyLists(headers), Connection: "Upgrade", Upgrade: protocol },
      signal,
    });
    outgoing.on("error", (cause) => reject(engineCallError(cause, { operation })));
    outgoing.on("upgrade", (_answer, socket: Duplex, head: Buffer) => {
      if (head.length > 0) socket.unshift(head);
      resolve(socket);
    });
    // An answer of whatever status means that the engine did not hand the connection over.
    outgoing.on("response", (answer) => {
      answer.on("error", () => {});
      answer.destroy();
      resolve(null);
    });
    outgoing.end();
  });
}

function copyLists(headers: UpgradeRequest["headers"]): http.OutgoingHttpHeaders {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, typeof value === "string" ? value : [...value]]),
  );
}
