import { trace } from "@opentelemetry/api";
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import {
  ATTRIBUTE,
  createCallMonitor,
  formatTraceparent,
  INSTRUMENT,
  joinTelemetry,
  newTraceId,
  parseTraceparent,
  recordToolCall,
  silentTelemetry,
} from "./index.ts";
import type { Telemetry } from "./index.ts";
import { createOtelTelemetry } from "./otel.ts";
import { createPrometheusTelemetry } from "./prometheus.ts";

const PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

test("a traceparent is read as W3C says, and anything else is none", () => {
  expect(parseTraceparent(PARENT)).toEqual({
    traceId: "0af7651916cd43dd8448eb211c80319c",
    spanId: "b7ad6b7169203331",
    sampled: true,
  });
  expect(parseTraceparent(PARENT.replace(/01$/, "00"))?.sampled).toBe(false);
  expect(parseTraceparent(`01${PARENT.slice(2)}-what.ever`)).toBeDefined();
  const wrong = [
    `${PARENT}-more`,
    `ff${PARENT.slice(2)}`,
    PARENT.toUpperCase(),
    PARENT.replace(/b7.*-/, "0".repeat(16) + "-"),
  ];
  for (const text of [...wrong, "", undefined, 1, {}]) expect(parseTraceparent(text)).toBeUndefined();
  fc.assert(fc.property(fc.anything(), (value) => void parseTraceparent(value)));
  const ids = new Set(Array.from({ length: 1_000 }, newTraceId));
  expect(ids.size).toBe(1_000);
  for (const traceId of ids) {
    const context = { traceId, spanId: "b7ad6b7169203331", sampled: false };
    expect(parseTraceparent(formatTraceparent(context))).toEqual(context);
  }
});

test("a span goes to OpenTelemetry as a child of the traceparent, with its failure, and ends once", () => {
  const exporter = new InMemorySpanExporter();
  const provider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] });
  const telemetry = createOtelTelemetry({ tracer: provider.getTracer("test") });
  const attributes = { [ATTRIBUTE.tool]: "push_image", left: undefined };
  const span = telemetry.span("tools/call push_image", { parent: PARENT, kind: "server", attributes });
  expect(span.traceId).toBe("0af7651916cd43dd8448eb211c80319c");
  const inner = telemetry.span("inner", { parent: span.traceparent });
  inner.end();
  span.set({ [ATTRIBUTE.session]: "ses_1" });
  span.end({ code: "AUTH_FAILED", message: "no" });
  span.end();
  const [child, parent, ...others] = exporter.getFinishedSpans();
  expect(others).toEqual([]);
  expect(parent?.parentSpanContext).toMatchObject({ spanId: "b7ad6b7169203331", isRemote: true });
  expect(parent?.attributes).toEqual({
    [ATTRIBUTE.tool]: "push_image",
    [ATTRIBUTE.session]: "ses_1",
    [ATTRIBUTE.errorType]: "AUTH_FAILED",
  });
  expect(parent?.status).toMatchObject({ message: "no" });
  expect(child?.parentSpanContext?.spanId).toBe(parent?.spanContext().spanId);
  expect(telemetry.span("root").traceId).not.toBe(span.traceId);
});

test("without an SDK the API costs a span that knows no trace, and a broken one breaks nothing", () => {
  const silent = createOtelTelemetry({ tracer: trace.getTracer("none") }).span("x");
  expect(silent.traceId).toBeUndefined();
  const broken = createOtelTelemetry({
    tracer: {
      startSpan: () => {
        throw new Error("fired");
      },
      startActiveSpan: () => undefined as never,
    },
  });
  expect(broken.span("x", { parent: PARENT }).traceparent).toBeUndefined();
});

test("measurements go to OpenTelemetry with the attributes of their instrument, and gauges are read when collected", async () => {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
  const provider = new MeterProvider({ readers: [reader] });
  const telemetry = createOtelTelemetry({
    tracer: trace.getTracer("none"),
    meter: provider.getMeter("test"),
    gauges: {
      instruments: [INSTRUMENT.callsRunning],
      read: async () => [{ instrument: INSTRUMENT.callsRunning, value: 4 }],
    },
  });
  recordToolCall(telemetry, { tool: "tag_image", code: null, durationMs: 20 });
  recordToolCall(telemetry, { tool: "tag_image", code: "CONFLICT", durationMs: 20 });
  telemetry.record(INSTRUMENT.callsRunning, 9);
  telemetry.record(INSTRUMENT.jobs, 2, { [ATTRIBUTE.state]: "running", path: "/dropped" });
  await provider.shutdown();
  const metrics = exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((scope) => scope.metrics));
  const points = (name: string) =>
    metrics.find(({ descriptor }) => descriptor.name === name)?.dataPoints.map(({ attributes }) => attributes);
  expect(points("mcp.server.operation.duration")).toEqual([
    { "mcp.method.name": "tools/call", "gen_ai.tool.name": "tag_image" },
    { "mcp.method.name": "tools/call", "gen_ai.tool.name": "tag_image", "error.type": "CONFLICT" },
  ]);
  expect(points("container_kit.tool.calls")).toHaveLength(2);
  expect(points("container_kit.jobs")).toEqual([{ "container_kit.state": "running" }]);
  expect(
    metrics.find(({ descriptor }) => descriptor.name === "container_kit.calls.running")?.dataPoints[0]?.value,
  ).toBe(4);
});

test("measurements are given out as Prometheus text; a gauge that cannot be read is missing, not old", async () => {
  let readable = true;
  const telemetry = createPrometheusTelemetry({
    instruments: Object.values(INSTRUMENT).filter(({ kind }) => kind !== "gauge"),
    gauges: {
      instruments: [INSTRUMENT.jobs],
      read: async () => {
        if (!readable) throw new Error("no store");
        return [{ instrument: INSTRUMENT.jobs, value: 2, attributes: { [ATTRIBUTE.state]: "running" } }];
      },
    },
  });
  telemetry.record(INSTRUMENT.jobs, 7, { [ATTRIBUTE.state]: "told" });
  recordToolCall(telemetry, { tool: "tag_image", code: "CONFLICT", durationMs: 20 });
  telemetry.record(INSTRUMENT.toolCalls, -1, {});
  const text = await telemetry.text();
  expect(text).toContain('container_kit_tool_calls_total{tool="tag_image",code="CONFLICT"} 1');
  expect(text).toContain('container_kit_tool_duration_seconds_bucket{le="0.05",tool="tag_image"} 1');
  expect(text).toContain('container_kit_jobs{state="running"} 2');
  expect(text).not.toContain("told");
  readable = false;
  const later = await telemetry.text();
  expect(later).toContain("container_kit_tool_calls_total{");
  expect(later).not.toContain("container_kit_jobs");
});

test("names that a stranger chooses make no rows without end", async () => {
  const telemetry = createPrometheusTelemetry();
  const monitor = createCallMonitor();
  for (let index = 0; index < 3_000; index += 1) {
    const call = { tool: `tool_${index}`, code: `CODE_${index}`, durationMs: 1 };
    recordToolCall(joinTelemetry(telemetry, monitor.telemetry), call);
  }
  const rows = (await telemetry.text())
    .split("\n")
    .filter((line) => line.startsWith("container_kit_tool_calls_total{"));
  expect(rows).toHaveLength(1_001);
  expect(rows.at(-1)).toContain('tool="other",code="other"} 2000');
  expect(monitor.summary(300).calls).toBe(3_000);
});

test("one telemetry tells several, and the trace is that of who traces", () => {
  const told: string[] = [];
  const span = { traceId: "t", traceparent: "p", set: () => {}, end: () => void told.push("end") };
  const tracing: Telemetry = { span: () => span, record: () => void told.push("one") };
  const other: Telemetry = { span: () => ({ ...span, traceId: undefined }), record: () => void told.push("two") };
  const joined = joinTelemetry(other, silentTelemetry, tracing);
  joined.record(INSTRUMENT.toolCalls, 1);
  const both = joined.span("x");
  both.end();
  expect(both.traceId).toBe("t");
  expect(told).toEqual(["two", "one", "end", "end"]);
  expect(joinTelemetry()).toBe(silentTelemetry);
});
