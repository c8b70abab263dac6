import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Health } from "@container-kit/observability";
import type { PrometheusTelemetry } from "@container-kit/observability/prometheus";

/**
 * Measurements and health over HTTP, for who runs on this machine.
 *
 * - M1  It listens on 127.0.0.1 only, and answers only who asks for it by a name of this machine: a web page must not
 *       get at it by a name of its own that leads here.
 * - M2  `/health` is 200 only where the server does at least some of its work: `failing` and `unknown` are 503.
 */

/** A server that listens. */
export interface MetricsServer {
  readonly port: number;
  close(): Promise<void>;
}

/** What is given out. */
export interface MetricsServerOptions {
  /** 0 takes any that is free. */
  readonly port: number;
  readonly metrics: Pick<PrometheusTelemetry, "contentType" | "text">;
  readonly health: () => Promise<Health>;
}

const ADDRESS = "127.0.0.1";
const REQUEST_TIMEOUT_MS = 5_000;
const MOST_CONNECTIONS = 16;

/** Begins to listen. @throws an error of Node where the port is taken */
export async function serveMetrics({ port, metrics, health }: MetricsServerOptions): Promise<MetricsServer> {
  const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: REQUEST_TIMEOUT_MS });
  server.maxConnections = MOST_CONNECTIONS;
  server.on("request", (request, response) => {
    answer(request, { metrics, health }).then(
      (sent) => send(response, sent),
      () => send(response, { status: 500, type: "text/plain", body: "It could not be found out.\n" }),
    );
  });
  await listening(server, port);
  server.unref();
  return { port: (server.address() as AddressInfo).port, close: () => closed(server) };
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

async function answer(
  { method, url = "/", headers }: IncomingMessage,
  { metrics, health }: Pick<MetricsServerOptions, "metrics" | "health">,
): Promise<Answer> {
  if (!isLocal(headers.host)) return plain(403, "Ask for it as 127.0.0.1 or localhost.\n");
  if (method !== "GET" && method !== "HEAD") return plain(405, "Only GET.\n");
  const [path] = url.split("?");
  if (path === "/metrics") return { status: 200, type: metrics.contentType, body: await metrics.text() };
  if (path !== "/health") return plain(404, "There is /metrics and /health.\n");
  const found = await health();
  const status = found.status === "ok" || found.status === "degraded" ? 200 : 503;
  return { status, type: "application/json", body: `${JSON.stringify(found)}\n` };
}

function plain(status: number, body: string): Answer {
  return { status, type: "text/plain; charset=utf-8", body };
}

function send(response: ServerResponse, { status, type, body }: Answer): void {
  response.writeHead(status, {
    "content-type": type,
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
  });
  response.end(body);
}

function isLocal(host: string | undefined): boolean {
  return /^(?:127\.0\.0\.1|localhost)(?::\d{1,5})?$/i.test(host ?? "");
}

function listening(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, ADDRESS, () => {
      server.off("error", reject);
      // From here on an error is one connection's, e.g. no more descriptors: nothing of the server's work.
      server.on("error", () => {});
      resolve();
    });
  });
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
