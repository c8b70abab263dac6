/**
 * A logger that is silent by default, writes to stderr and cannot print a secret; traces and measurements of the same kind.
 *
 * @packageDocumentation
 */

// Logging: libraries take a `Logger` and default to `silentLogger`; the program makes the real one.
export { createLogger, silentLogger } from "./logger.ts";
export type { LogFields, Logger, LoggerOptions, LogLevel } from "./logger.ts";

// Secrets: a type that cannot be printed, and the choke point that masks what slips into text.
export { MASK, Secret } from "./secret.ts";
export { createRedactor } from "./redaction/redactor.ts";
export { createRedactingStream } from "./redaction/stream.ts";
export type { Redactor, RedactorOptions } from "./redaction/redactor.ts";
export type { RedactingText } from "./redaction/stream.ts";

// Telemetry: libraries take a `Telemetry` and default to `silentTelemetry`; names are shared, so that listeners agree.
export { silentTelemetry } from "./telemetry.ts";
export type {
  Attributes,
  Instrument,
  Measurement,
  PulledGauges,
  Span,
  SpanFailure,
  SpanOptions,
  Telemetry,
} from "./telemetry.ts";
export { ATTRIBUTE, INSTRUMENT, recordToolCall } from "./conventions.ts";
export type { MeasuredCall } from "./conventions.ts";
export { formatTraceparent, newTraceId, parseTraceparent } from "./traceparent.ts";
export type { TraceContext } from "./traceparent.ts";
export { joinTelemetry } from "./join-telemetry.ts";

// Alerts: rules as data, judged by what the monitor heard in the last minutes.
export { createAlerts } from "./alerts/alerts.ts";
export type { Alerts, AlertsOptions, AlertState } from "./alerts/alerts.ts";
export { createCallMonitor } from "./alerts/call-monitor.ts";
export type { CallMonitor } from "./alerts/call-monitor.ts";
export type { WindowSummary } from "./alerts/call-window.ts";
export type { AlertSource } from "./alerts/judge.ts";
export { alertRuleProblems, CALLERS_FAULTS, DEFAULT_ALERT_RULES } from "./alerts/rules.ts";
export type {
  AlertRule,
  AlertRules,
  CircuitRule,
  ErrorRateRule,
  QueueRule,
  SlowRule,
  StoreRule,
} from "./alerts/rules.ts";

// Health: the worst of every part, never ok where nobody knows.
export { createHealth, healthLevel } from "./health.ts";
export type { Health, HealthCheck, HealthOptions, HealthStatus, PartHealth } from "./health.ts";
