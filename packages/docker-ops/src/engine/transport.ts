/**
 * The wire to one engine: requests over a unix socket, TCP, TLS or ssh, by dockerode's modem. The only file that
 * imports dockerode, and it does so on first use: it costs more than the rest of the start together.
 *
 * - T1  No connection is kept for reuse: after an engine restart a kept one fails the next call.
 * - T2  Everything is given to the modem explicitly, so that nothing of its own guessing from the environment remains.
 * - T3  An answer with an error status, and a connection that fails, come out as typed errors.
 */
import { readFile } from "node:fs/promises";
import http from "node:http";
import https from "node:https";
import { Duplex } from "node:stream";
import type { Readable } from "node:stream";
import { fail } from "../errors.ts";
import type { EngineEndpoint } from "../endpoint/types.ts";
import { engineCallError, isStatusError } from "./engine-error.ts";

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
  readonly registryConfig?: string;
  readonly signal: AbortSignal;
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
}

interface UpgradeRequest {
  readonly path: string;
  /** The value of `Upgrade`. */
  readonly protocol: string;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly signal: AbortSignal;
  readonly operation: string;
}

const STATUS_CODES = { 200: true, 201: true, 204: true, 304: true } as const;

/** @throws ENGINE_BAD_ENDPOINT when the TLS files of the endpoint cannot be read */
export async function openTransport(endpoint: EngineEndpoint): Promise<Transport> {
  const { default: Docker } = await import("dockerode");
  const { modem } = new Docker(await modemOptions(endpoint));
  const dial = (request: EngineRequest, isStream: boolean) =>
    new Promise<unknown>((resolve, reject) => {
      modem.dial(dialOptions(request, isStream), (error, result) => {
        if (error === null || error === undefined) resolve(result);
        else
          reject(
            engineCallError(error, {
              operation: request.operation,
              ...(request.registry === true ? { registry: true } : {}),
            }),
          );
      });
    });
  return {
    json: async (request) => {
      const answer = await dial(request, false);
      if (Buffer.isBuffer(answer)) {
        if (answer.length === 0) return null;
        throw fail("ENGINE_PROTOCOL", `${request.operation} failed: the engine's answer is not JSON`);
      }
      return answer;
    },
    stream: async (request) => (await dial(request, true)) as Readable,
    upgrade: ({ path, protocol, headers, signal, operation }) =>
      new Promise((resolve, reject) => {
        const options = {
          method: "POST",
          path,
          hijack: true,
          headers: { ...headers, Upgrade: protocol },
          abortSignal: signal,
          statusCodes: STATUS_CODES,
        };
        modem.dial(options, (error, result) => {
          // A status means that the engine answered and did not hand the connection over.
          if (isStatusError(error)) resolve(null);
          else if (error !== null && error !== undefined) reject(engineCallError(error, { operation }));
          else resolve(result instanceof Duplex ? result : null);
        });
      }),
  };
}

function dialOptions(request: EngineRequest, isStream: boolean) {
  const { method, path, query = {}, body = {}, archive, registryAuth, registryConfig, signal } = request;
  return {
    method,
    // The modem appends the query to a path that ends in "?".
    path: `${path}?`,
    options: { _query: definedOnly(query), _body: body },
    headers: {
      ...(registryAuth === undefined ? {} : { "X-Registry-Auth": registryAuth }),
      ...(registryConfig === undefined ? {} : { "X-Registry-Config": registryConfig }),
      ...(archive === undefined ? {} : { "Content-Type": "application/x-tar" }),
    },
    ...(archive === undefined ? {} : { file: archive }),
    abortSignal: signal,
    isStream,
    statusCodes: STATUS_CODES,
  };
}

function definedOnly(query: Query): Record<string, unknown> {
  return Object.fromEntries(Object.entries(query).filter(([, value]) => value !== undefined));
}

async function modemOptions({ host, tls, source }: EngineEndpoint): Promise<Record<string, unknown>> {
  const nothing = {
    socketPath: undefined,
    host: undefined,
    port: undefined,
    ca: undefined,
    cert: undefined,
    key: undefined,
  };
  const plain = { ...nothing, protocol: "http", pathPrefix: "/", agent: new http.Agent({ keepAlive: false }) };
  if (host.startsWith("unix://")) return { ...plain, socketPath: host.slice("unix://".length) };
  if (host.startsWith("npipe://")) return { ...plain, socketPath: host.slice("npipe://".length) };
  const url = new URL(host);
  if (url.protocol === "ssh:") return sshOptions(url);
  const name = url.hostname.replace(/^\[(.*)\]$/, "$1");
  if (tls === undefined) return { ...plain, host: name, port: url.port === "" ? "2375" : url.port };
  const files = await tlsFiles(tls, source);
  const agent = new https.Agent({ keepAlive: false, rejectUnauthorized: tls.verify });
  return { ...plain, ...files, protocol: "https", agent, host: name, port: url.port === "" ? "2376" : url.port };
}

function sshOptions(url: URL): Record<string, unknown> {
  return {
    protocol: "ssh",
    host: url.hostname,
    port: url.port === "" ? 22 : Number(url.port),
    username: url.username === "" ? undefined : decodeURIComponent(url.username),
    pathPrefix: "/",
    sshOptions: { agent: process.env["SSH_AUTH_SOCK"] },
  };
}

async function tlsFiles(tls: NonNullable<EngineEndpoint["tls"]>, source: string): Promise<Record<string, Buffer>> {
  const entries = Object.entries({ ca: tls.ca, cert: tls.cert, key: tls.key }).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  try {
    return Object.fromEntries(
      await Promise.all(entries.map(async ([name, file]) => [name, await readFile(file)] as const)),
    );
  } catch (cause) {
    throw fail("ENGINE_BAD_ENDPOINT", `the TLS files for ${source} cannot be read`, {
      cause,
      details: { files: entries.map(([, file]) => file) },
      remedy: "Check DOCKER_CERT_PATH, or unset DOCKER_TLS_VERIFY for an engine without TLS.",
    });
  }
}
