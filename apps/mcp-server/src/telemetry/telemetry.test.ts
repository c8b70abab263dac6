import { createServer } from "node:http";
import type { IncomingMessage, Server } from "node:http";
import type { AddressInfo } from "node:net";
import { request } from "node:http";
import { text } from "node:stream/consumers";
import { createRuntime } from "@container-kit/atomic-runtime";
import type { Runtime } from "@container-kit/atomic-runtime";
import { defineErrors } from "@container-kit/errors";
import { createLogger, createRedactor } from "@container-kit/observability";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openRecord } from "../../test/open-record.ts";
import { createScriptedPlugin } from "../../test/scripted-plugin.ts";
import { openTelemetry } from "./program-telemetry.ts";
import type { ProgramTelemetry, ProgramTelemetryOptions } from "./program-telemetry.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const PARENT_SPAN = "b7ad6b7169203331";

let record: Awaited<ReturnType<typeof openRecord>>;
let logged: string[];
let closing: (() => Promise<void>)[];

beforeEach(async () => {
  record = await openRecord();
  logged = [];
  closing = [() => record.close()];
});

afterEach(async () => {
  for (const close of closing.toReversed()) await close();
});

/** A program with this telemetry, and a runtime that it watches. */
async function start(options: Partial<ProgramTelemetryOptions> = {}): Promise<{
  readonly telemetry: ProgramTelemetry;
  readonly runtime: Runtime;
}> {
  const redactor = createRedactor();
  const logger = createLogger({ level: "info", redactor, write: (line) => logged.push(line) });
  const settings = { otlp: null, alerts: {} };
  const telemetry = await openTelemetry({ settings, environment: {}, logger, redactor, ...options });
  const plugins = [createScriptedPlugin({ started: [], aborted: [] })];
  const runtime = createRuntime({ plugins, sessions: record.sessions, logger, telemetry: telemetry.telemetry });
  closing.push(
    () => telemetry.close(),
    () => runtime.close(),
  );
  return { telemetry, runtime };
}

const fineStore = {
  health: () => ({
    status: "ok" as const,
    reasons: [],
    bytes: { state: 0, record: 0, shared: 0, journal: 0, log: 0 },
    behind: 0,
  }),
};
const fail = defineErrors({
  ENGINE_UNAVAILABLE: {
    category: "engine",
    summary: "No engine answers.",
    remedy: "Start one.",
    retryable: true,
    fault: "environment",
  },
});
const noEngine = (): Promise<never> => Promise.reject(fail("ENGINE_UNAVAILABLE", "no engine answers"));

interface Received {
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: Record<string, unknown>;
}

async function keep(incoming: IncomingMessage): Promise<Received> {
  const body = JSON.parse(await text(incoming)) as Received["body"];
  return { path: incoming.url ?? "", headers: incoming.headers, body };
}

/** A collector that keeps what it is sent. */
async function collector(): Promise<{ readonly url: string; readonly received: Received[] }> {
  const received: Received[] = [];
  const server = createServer((incoming, response) => {
    void keep(incoming).then((one) => {
      received.push(one);
      return response.writeHead(200, { "content-type": "application/json" }).end("{}");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.unshift(() => stop(server));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, received };
}

function stop(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}

function get(port: number, path: string, host = `127.0.0.1:${port}`): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    request({ port, path, headers: { host } }, (response) => {
      text(response).then((body) => resolve({ status: response.statusCode ?? 0, body }), reject);
    })
      .on("error", reject)
      .end();
  });
}

test("a collector is sent a span of each call, a child of the client's, and the measurements", async () => {
  const { url, received } = await collector();
  const { telemetry, runtime } = await start({
    settings: { otlp: url, alerts: {} },
    environment: { OTEL_EXPORTER_OTLP_HEADERS: "x-key=very%20secret", OTEL_SERVICE_NAME: "mine" },
  });
  telemetry.watch({ runtime, storage: fineStore, sessions: record.sessions, engine: noEngine });
  const traceparent = `00-${TRACE}-${PARENT_SPAN}-01`;
  const outcome = await runtime.execute({ tool: "echo_text", input: { text: "hello" }, traceparent });
  expect(outcome).toMatchObject({ ok: true, correlationId: TRACE });
  await telemetry.close();
  const [traces, metrics] = ["/v1/traces", "/v1/metrics"].map((path) => received.find((one) => one.path === path));
  expect(traces?.headers["x-key"]).toBe("very secret");
  const [span] = find(traces?.body, "spans") as Record<string, unknown>[];
  expect(span).toMatchObject({ traceId: TRACE, parentSpanId: PARENT_SPAN, name: "tools/call echo_text" });
  const attributes = JSON.stringify(span?.["attributes"]);
  for (const value of ["gen_ai.tool.name", "echo_text", "mcp.method.name", outcome.executionId]) {
    expect(attributes).toContain(value);
  }
  expect(JSON.stringify(traces?.body)).toContain('"mine"');
  expect(JSON.stringify(metrics?.body)).toContain("mcp.server.operation.duration");
  expect(JSON.stringify(metrics?.body)).toContain("container_kit.health");
});

test("a collector that is away costs a line of the log without its headers, and no call", async () => {
  const { url } = await collector();
  const { telemetry, runtime } = await start({
    settings: { otlp: `${url.replace(/:\d+$/, ":1")}/base/`, alerts: {} },
    environment: { OTEL_EXPORTER_OTLP_HEADERS: "x-key=very%20secret" },
  });
  const outcome = await runtime.execute({ tool: "echo_text", input: { text: "hello" } });
  expect(outcome.ok).toBe(true);
  await telemetry.close();
  expect(logged.filter((line) => line.includes("Telemetry could not be sent."))).toHaveLength(1);
  expect(logged.join("")).not.toContain("very secret");
});

test("measurements and health are given out to this machine alone", async () => {
  const { telemetry, runtime } = await start({ metrics: true });
  telemetry.watch({ runtime, storage: fineStore, sessions: record.sessions, engine: noEngine });
  const { port } = await telemetry.serveMetrics(0);
  await runtime.execute({ tool: "echo_text", input: { text: "hello" } });
  await runtime.execute({ tool: "echo_text", input: { wrong: 1 } });
  const { status, body } = await get(port, "/metrics");
  expect(status).toBe(200);
  for (const line of [
    'container_kit_tool_calls_total{tool="echo_text",code="OK"} 1',
    'container_kit_tool_calls_total{tool="echo_text",code="INVALID_INPUT"} 1',
    'container_kit_tool_duration_seconds_count{tool="echo_text"} 2',
    "container_kit_calls_running 0",
    'container_kit_jobs{state="running"} 0',
    'container_kit_health{component="store"} 0',
    'container_kit_health{component="engine"} 2',
  ]) {
    expect(body.split("\n")).toContain(line);
  }
  const health = await get(port, "/health", `localhost:${port}`);
  expect(health.status).toBe(200);
  expect(JSON.parse(health.body)).toMatchObject({ status: "degraded", parts: { store: { status: "ok" } } });
  expect((await get(port, "/metrics", `evil.example:${port}`)).status).toBe(403);
  expect((await get(port, "/other")).status).toBe(404);
});

test("health is unknown until there is something to watch, and failing when the store cannot be written", async () => {
  const { telemetry, runtime } = await start({ metrics: true });
  const { port } = await telemetry.serveMetrics(0);
  expect(await telemetry.health()).toMatchObject({ status: "unknown" });
  expect((await get(port, "/health")).status).toBe(503);
  const storage = {
    health: () => ({ ...fineStore.health(), status: "readOnly" as const, reasons: ["The disk is full."] }),
  };
  telemetry.watch({ runtime, storage, sessions: record.sessions, engine: noEngine });
  expect(await telemetry.health()).toMatchObject({
    status: "failing",
    parts: { store: { status: "failing", reasons: ["The disk is full."] }, engine: { status: "degraded" } },
  });
  expect(telemetry.alerts()).toContainEqual(expect.objectContaining({ name: "store-degraded", state: "firing" }));
  expect((await get(port, "/health")).status).toBe(503);
});

/** The first value under this key, at whatever depth. */
function find(value: unknown, key: string): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  const members = Object.entries(value);
  const own = members.find(([name]) => name === key);
  if (own !== undefined) return own[1];
  for (const [, member] of members) {
    const found = find(member, key);
    if (found !== undefined) return found;
  }
  return undefined;
}
