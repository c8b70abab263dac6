/** Connects to an engine: finds it, asks what it is, and hands out its operations. */
import { readlink, stat } from "node:fs/promises";
import { isKitError } from "@container-kit/errors";
import { silentLogger } from "@container-kit/observability";
import { parseCredentialReference } from "../credentials/reference.ts";
import { listEndpoints } from "../endpoint/discover.ts";
import type { EngineEndpoint } from "../endpoint/types.ts";
import { fail } from "../errors.ts";
import type { Engine } from "../types.ts";
import { createEngine } from "./create-engine.ts";
import { viaOf } from "../wire/dialer.ts";
import { probeProfile } from "./probe-profile.ts";
import { readInfo } from "./info.ts";
import type { Connection, ConnectOptions } from "./options.ts";
import { openTransport } from "../wire/transport.ts";
import { socketMark } from "./watch.ts";

/**
 * Finds an engine that answers and connects to it.
 *
 * @throws INVALID_INPUT where a credential reference is none; ENGINE_UNAVAILABLE ENGINE_FORBIDDEN ENGINE_BAD_ENDPOINT
 * ENGINE_PROTOCOL with every candidate in `details.candidates`; CANCELLED
 */
export async function connectEngine(options: ConnectOptions = {}): Promise<Engine> {
  const env = options.env ?? process.env;
  const logger = options.logger ?? silentLogger;
  const credentials = (options.credentials ?? []).map(parseCredentialReference);
  const candidates = await listEndpoints(env, options.host);
  const failures: { endpoint: EngineEndpoint; error: Error }[] = [];
  for (const endpoint of candidates.endpoints) {
    try {
      const connection = await connectTo(endpoint, options);
      logger.debug("engine connected", {
        host: endpoint.host,
        source: endpoint.source,
        version: connection.profile.version,
      });
      return createEngine(connection, { ...options, env }, credentials);
    } catch (error) {
      if (options.signal?.aborted === true)
        throw fail("CANCELLED", "the connection to an engine was cancelled", { cause: error });
      if (!isKitError(error)) throw error;
      failures.push({ endpoint, error });
    }
  }
  throw nothingAnswers(failures, candidates.configured);
}

/** What can be no endpoint here is a mistake in the configuration, which the connection error would not tell. */
async function checkSocket({ host, source }: EngineEndpoint): Promise<void> {
  if (host.startsWith("npipe://") && process.platform !== "win32")
    throw fail("ENGINE_BAD_ENDPOINT", `${source} names ${host}, and named pipes are Windows' own`, {
      details: { source, host },
    });
  if (!host.startsWith("unix://")) return;
  const path = host.slice("unix://".length);
  const details = { source, host };
  try {
    if ((await stat(path)).isSocket()) return;
  } catch (cause) {
    const isMissing = cause instanceof Error && "code" in cause && cause.code === "ENOENT";
    const link = isMissing ? await readlink(path).catch(() => null) : null;
    // Anything else is for the connection to tell.
    if (link === null) return;
    throw fail("ENGINE_BAD_ENDPOINT", `${source} names ${path}, which leads to ${link}, and that is not there`, {
      cause,
      details,
      remedy: "Start the engine that the link leads to, or correct DOCKER_HOST or the docker context.",
    });
  }
  throw fail("ENGINE_BAD_ENDPOINT", `${source} names ${path}, which is not a socket`, { details });
}

async function connectTo(
  endpoint: EngineEndpoint,
  { env = process.env, signal, ...options }: ConnectOptions,
): Promise<Connection> {
  await checkSocket(endpoint);
  const transport = await openTransport(endpoint, env);
  const connectTimeoutMs = options.connectTimeoutMs ?? (viaOf(endpoint) === "api" ? 5000 : 20_000);
  const timeout = AbortSignal.timeout(connectTimeoutMs);
  try {
    const socket = await socketMark(endpoint);
    const either = signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
    const profile = await probeProfile(transport, either);
    const info = await readInfo(transport, profile.product === "podman", either);
    return { endpoint, transport, profile, info, socket };
  } catch (cause) {
    transport.close();
    if (timeout.aborted)
      throw fail("ENGINE_UNAVAILABLE", `${endpoint.host} did not answer within ${connectTimeoutMs} ms`, { cause });
    if (isKitError(cause, "ENGINE_RESTARTED")) throw hungUp(endpoint, cause);
    if (isKitError(cause) && !isConnectCode(cause.code)) {
      throw fail("ENGINE_PROTOCOL", `${endpoint.host} answers, and not as an engine does: ${cause.message}`, { cause });
    }
    throw cause;
  }
}

/** With TLS 1.3 a server refuses the client's certificate only after the client takes the connection for made. */
function hungUp({ host, tls }: EngineEndpoint, cause: Error): Error {
  if (tls === undefined) return fail("ENGINE_UNAVAILABLE", `${host} takes the connection and hangs up`, { cause });
  return fail(
    "ENGINE_BAD_ENDPOINT",
    `${host} hangs up, as an engine does that does not know the client's certificate`,
    {
      cause,
      remedy: "Check the certificates in DOCKER_CERT_PATH or the docker context, and that they are this engine's.",
    },
  );
}

function nothingAnswers(failures: readonly { endpoint: EngineEndpoint; error: Error }[], configured: boolean): Error {
  const candidates = failures.map(({ endpoint, error }) => ({
    host: endpoint.host,
    source: endpoint.source,
    problem: error.message,
  }));
  // A socket that is there and refuses us says more than seven that are not there.
  const telling = failures.find(({ error }) => !isKitError(error, "ENGINE_UNAVAILABLE")) ?? failures[0];
  if (telling === undefined) return fail("ENGINE_UNAVAILABLE", "there is no endpoint to try");
  const { endpoint, error } = telling;
  const code = isKitError(error) && isConnectCode(error.code) ? error.code : "ENGINE_UNAVAILABLE";
  const message = configured
    ? `the engine at ${endpoint.host} (${endpoint.source}) cannot be used: ${error.message}`
    : `no engine answers; tried ${candidates.map(({ host }) => host).join(", ")}`;
  const text =
    code === "ENGINE_UNAVAILABLE" || configured
      ? message
      : `${endpoint.host} (${endpoint.source}) cannot be used: ${error.message}`;
  // An error that knows its cause knows a better next step than the table.
  const remedy = isKitError(error) && error.code === code ? { remedy: error.remedy } : {};
  return fail(code, text, { cause: error, details: { candidates }, ...remedy });
}

const CONNECT_CODES = ["ENGINE_UNAVAILABLE", "ENGINE_FORBIDDEN", "ENGINE_BAD_ENDPOINT", "ENGINE_PROTOCOL"] as const;

function isConnectCode(code: string): code is (typeof CONNECT_CODES)[number] {
  return (CONNECT_CODES as readonly string[]).includes(code);
}
