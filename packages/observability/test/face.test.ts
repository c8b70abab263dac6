import { expect, test } from "vitest";
import * as face from "../src/index.ts";
import * as otel from "../src/otel.ts";
import * as prometheus from "../src/prometheus.ts";

test("the public face is exactly this", () => {
  expect(Object.keys(face).sort()).toEqual([
    "ATTRIBUTE",
    "CALLERS_FAULTS",
    "DEFAULT_ALERT_RULES",
    "INSTRUMENT",
    "MASK",
    "Secret",
    "alertRuleProblems",
    "createAlerts",
    "createCallMonitor",
    "createHealth",
    "createLogger",
    "createRedactingStream",
    "createRedactor",
    "formatTraceparent",
    "healthLevel",
    "joinTelemetry",
    "newTraceId",
    "parseTraceparent",
    "recordToolCall",
    "silentLogger",
    "silentTelemetry",
  ]);
  expect(Object.keys(otel)).toEqual(["createOtelTelemetry"]);
  expect(Object.keys(prometheus)).toEqual(["createPrometheusTelemetry"]);
});

test("the names that dashboards are built on stay", () => {
  expect(Object.values(face.INSTRUMENT).map(({ name, prometheus: text }) => [name, text])).toEqual([
    ["mcp.server.operation.duration", "container_kit_tool_duration_seconds"],
    ["container_kit.tool.calls", "container_kit_tool_calls_total"],
    ["container_kit.calls.running", "container_kit_calls_running"],
    ["container_kit.calls.waiting", "container_kit_calls_waiting"],
    ["container_kit.circuits.open", "container_kit_circuits_open"],
    ["container_kit.jobs", "container_kit_jobs"],
    ["container_kit.health", "container_kit_health"],
  ]);
});
