/** How a connection to an endpoint is made: as options of node's own HTTP client. */
import { readFile } from "node:fs/promises";
import http from "node:http";
import https from "node:https";
import { fail } from "../errors.ts";
import type { EngineEndpoint } from "../endpoint/types.ts";
import { dropIdle, viaOf } from "./dialer.ts";
import type { Dialer, DialOptions } from "./dialer.ts";
import { openDockerProgram } from "./docker-program.ts";

/** More questions at once wait for each other. */
const MOST_KEPT = 8;
/** A kept connection is given up before the engines' own servers would. */
const KEPT_MS = 30_000;

/** @throws ENGINE_BAD_ENDPOINT */
export async function openDialer(
  endpoint: EngineEndpoint,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Dialer> {
  const { host } = endpoint;
  if (viaOf(endpoint) === "docker-cli") return openDockerProgram(endpoint, env);
  if (host.startsWith("unix://")) return plainDialer({ socketPath: host.slice("unix://".length) });
  if (host.startsWith("npipe://")) return plainDialer({ socketPath: host.slice("npipe://".length) });
  const url = new URL(host);
  const name = url.hostname.replace(/^\[(.*)\]$/, "$1");
  if (endpoint.tls === undefined) return plainDialer({ host: name, port: url.port === "" ? "2375" : url.port });
  return tlsDialer(
    { host: name, port: url.port === "" ? "2376" : url.port },
    { ...(await tlsFiles(endpoint.tls, endpoint.source)), rejectUnauthorized: endpoint.tls.verify },
  );
}

function plainDialer(where: Pick<DialOptions, "socketPath" | "host" | "port">): Dialer {
  const agent = new http.Agent({ keepAlive: true, maxSockets: MOST_KEPT, timeout: KEPT_MS });
  return {
    kept: () => ({ ...where, agent }),
    once: () => ({ ...where, agent: false }),
    renew: () => dropIdle(agent),
    close: () => agent.destroy(),
  };
}

function tlsDialer(where: Pick<DialOptions, "host" | "port">, tls: https.AgentOptions): Dialer {
  const kept = new https.Agent({ ...tls, keepAlive: true, maxSockets: MOST_KEPT, timeout: KEPT_MS });
  const once = new https.Agent({ ...tls, keepAlive: false });
  return {
    kept: () => ({ ...where, protocol: "https:", agent: kept }),
    once: () => ({ ...where, protocol: "https:", agent: once }),
    renew: () => dropIdle(kept),
    close: () => {
      kept.destroy();
      once.destroy();
    },
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
    throw fail(
      "ENGINE_BAD_ENDPOINT",
      `the TLS files for ${source} cannot be read${cause instanceof Error ? `: ${cause.message}` : ""}`,
      {
        cause,
        details: { files: entries.map(([, file]) => file) },
        remedy: "Check DOCKER_CERT_PATH, or unset DOCKER_TLS_VERIFY for an engine without TLS.",
      },
    );
  }
}
