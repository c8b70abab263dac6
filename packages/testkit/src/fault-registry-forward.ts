import { request as httpRequest } from "node:http";
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { setImmediate as breath, setTimeout as sleep } from "node:timers/promises";
import type { RegistryFault } from "./fault-registry-faults.ts";
import { basicAuthorization } from "./registry-process.ts";
import type { RegistryAccess } from "./registry.ts";

export interface RegistryForwarding {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** The real registry, and as whom to speak to it. */
  readonly behind: Required<RegistryAccess>;
  /** How the client came: the registry puts it into the addresses that it gives out. */
  readonly scheme: "http" | "https";
  /** What to do to the registry's answer; undefined lets it pass. */
  readonly fault: RegistryFault | undefined;
}

/** Sends a request on to the real registry and its answer back, with a fault on the way if there is one. */
export async function forwardToRegistry(forwarding: RegistryForwarding): Promise<void> {
  const { request, response, fault } = forwarding;
  try {
    const answered = await ask(forwarding);
    if (fault?.kind === "replace") await replace(answered, response, fault);
    else await stream(answered, response, fault);
  } catch {
    // Whoever went away, the client or the registry: the other sees its connection end, as it would without us.
    request.destroy();
    response.destroy();
  }
}

function ask({ request, response, behind, scheme }: RegistryForwarding): Promise<IncomingMessage> {
  const [host, port] = behind.host.split(":");
  const headers = {
    ...request.headers,
    authorization: basicAuthorization(behind.username, behind.password),
    "x-forwarded-proto": scheme,
  };
  return new Promise((resolve, reject) => {
    const upstream = httpRequest({ host, port, method: request.method, path: request.url, headers, agent: false });
    upstream.once("response", resolve);
    upstream.once("error", reject);
    // The client went away: so does the request to the registry.
    response.once("close", () => upstream.destroy());
    request.pipe(upstream);
  });
}

/** The registry's headers but those that belong to one connection. */
function passable({ headers }: IncomingMessage): OutgoingHttpHeaders {
  const { connection: _connection, "transfer-encoding": _encoding, "keep-alive": _keep, ...rest } = headers;
  return rest;
}

async function stream(
  answered: IncomingMessage,
  response: ServerResponse,
  fault: RegistryFault | undefined,
): Promise<void> {
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  if (fault?.kind === "slow") await sleep(fault.delayMs ?? 0, undefined, { signal: gone.signal });
  response.writeHead(answered.statusCode ?? 502, passable(answered));
  response.flushHeaders();
  await pipeline(
    answered,
    (body: AsyncIterable<Buffer>) => spoil(body, { response, fault, signal: gone.signal }),
    response,
  );
}

interface Spoiling {
  readonly response: ServerResponse;
  readonly fault: RegistryFault | undefined;
  /** Aborts when the client is gone. */
  readonly signal: AbortSignal;
}

async function* spoil(body: AsyncIterable<Buffer>, { response, fault, signal }: Spoiling): AsyncGenerator<Buffer> {
  const limit = fault?.kind === "cut" || fault?.kind === "stall" ? fault.afterBytes : Infinity;
  const rate = fault?.kind === "slow" ? fault.bytesPerSecond : undefined;
  let sent = 0;
  for await (const chunk of body) {
    const part = chunk.subarray(0, limit - sent);
    sent += part.length;
    if (rate === undefined) yield part;
    else yield* drip(part, rate, signal);
    if (sent >= limit) break;
  }
  if (fault?.kind === "stall") await new Promise((_resolve, reject) => signal.addEventListener("abort", reject));
  if (fault?.kind === "cut") {
    // What is on its way is let out before the connection goes: the client gets exactly so many bytes.
    await breath();
    await new Promise<void>((resolve) => (response.socket === null ? resolve() : response.socket.end(resolve)));
    throw new Error("cut");
  }
}

async function* drip(chunk: Buffer, bytesPerSecond: number, signal: AbortSignal): AsyncGenerator<Buffer> {
  // At most ten drops a second: slow enough to be cheap, quick enough to look steady.
  const drop = Math.max(1, Math.floor(bytesPerSecond / 10));
  for (let at = 0; at < chunk.length; at += drop) {
    yield chunk.subarray(at, at + drop);
    await sleep((drop / bytesPerSecond) * 1_000, undefined, { signal });
  }
}

async function replace(
  answered: IncomingMessage,
  response: ServerResponse,
  fault: Extract<RegistryFault, { kind: "replace" }>,
): Promise<void> {
  const original = await buffer(answered);
  const body = typeof fault.body === "function" ? fault.body(original) : (fault.body ?? original);
  const headers = passable(answered);
  // An answer to HEAD has a length and no body.
  if (answered.headers["content-length"] === undefined || original.length > 0) {
    headers["content-length"] = Buffer.byteLength(body);
  }
  for (const [name, value] of Object.entries(fault.headers ?? {})) {
    if (value === undefined) delete headers[name.toLowerCase()];
    else headers[name.toLowerCase()] = value;
  }
  response.writeHead(fault.status ?? answered.statusCode ?? 502, headers);
  response.end(body);
}
