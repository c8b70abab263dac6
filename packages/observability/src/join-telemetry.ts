import type { Span, Telemetry } from "./telemetry.ts";
import { silentTelemetry } from "./telemetry.ts";

/** One telemetry that tells several. Trace ids come from the first that traces. */
export function joinTelemetry(...all: readonly Telemetry[]): Telemetry {
  const [only = silentTelemetry] = all;
  if (all.length <= 1) return only;
  const tracing = all.filter(({ span }) => span !== silentTelemetry.span);
  const recording = all.filter(({ record }) => record !== silentTelemetry.record);
  const [tracer = silentTelemetry] = tracing;
  return {
    span:
      tracing.length <= 1
        ? (name, options) => tracer.span(name, options)
        : (name, options) => joinSpans(tracing.map((telemetry) => telemetry.span(name, options))),
    record(instrument, value, attributes) {
      for (const telemetry of recording) telemetry.record(instrument, value, attributes);
    },
  };
}

function joinSpans(spans: readonly Span[]): Span {
  const traced = spans.find(({ traceId }) => traceId !== undefined);
  return {
    traceId: traced?.traceId,
    traceparent: traced?.traceparent,
    set: (attributes) => {
      for (const span of spans) span.set(attributes);
    },
    end: (failure) => {
      for (const span of spans) span.end(failure);
    },
  };
}
