/**
 * Telemetry for OpenTelemetry: needs its API alone. Which SDK receives it, if any, is the program's business.
 *
 * - O1  A span's parent is the `traceparent` that was handed in, never something ambient: no context manager is needed.
 * - O2  Nothing that the API or an SDK throws reaches the work that is watched.
 *
 * @packageDocumentation
 */
import { ROOT_CONTEXT, SpanKind, SpanStatusCode, TraceFlags, trace } from "@opentelemetry/api";
import type { Attributes as OtelAttributes, Context, Meter, Span as OtelSpan, Tracer } from "@opentelemetry/api";
import { createLabels } from "./bounded-labels.ts";
import { ATTRIBUTE } from "./conventions.ts";
import { silentTelemetry } from "./telemetry.ts";
import type { Attributes, Instrument, PulledGauges, Span, SpanOptions, Telemetry } from "./telemetry.ts";
import { formatTraceparent, parseTraceparent } from "./traceparent.ts";

/** Where spans and measurements go. */
export interface OtelTelemetryOptions {
  readonly tracer: Tracer;
  /** Without one nothing is measured. */
  readonly meter?: Meter;
  readonly gauges?: PulledGauges;
}

/** Makes the telemetry of a program that has an OpenTelemetry SDK. */
export function createOtelTelemetry({ tracer, meter, gauges }: OtelTelemetryOptions): Telemetry {
  if (meter !== undefined && gauges !== undefined) watchGauges(meter, gauges);
  return {
    span: (name, options = {}) =>
      guarded(
        () => wrapSpan(tracer.startSpan(name, startOf(options), parentOf(options.parent))),
        () => silentTelemetry.span(name),
      ),
    record: meter === undefined ? silentTelemetry.record : createRecorder(meter, gauges?.instruments ?? []),
  };
}

const KINDS = { server: SpanKind.SERVER, client: SpanKind.CLIENT, internal: SpanKind.INTERNAL } as const;

function startOf({ attributes = {}, kind = "internal" }: SpanOptions): { attributes: OtelAttributes; kind: SpanKind } {
  return { attributes: { ...attributes }, kind: KINDS[kind] };
}

function parentOf(traceparent: string | undefined): Context {
  const parent = parseTraceparent(traceparent);
  if (parent === undefined) return ROOT_CONTEXT;
  const { traceId, spanId, sampled } = parent;
  const traceFlags = sampled ? TraceFlags.SAMPLED : TraceFlags.NONE;
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags, isRemote: true });
}

function wrapSpan(span: OtelSpan): Span {
  const { traceId, spanId, traceFlags } = span.spanContext();
  const traced = !/^0*$/.test(traceId);
  let ended = false;
  return {
    traceId: traced ? traceId : undefined,
    traceparent: traced
      ? formatTraceparent({ traceId, spanId, sampled: (traceFlags & TraceFlags.SAMPLED) !== 0 })
      : undefined,
    set: (attributes) => guarded(() => void span.setAttributes({ ...attributes }), nothing),
    end(failure) {
      if (ended) return;
      ended = true;
      guarded(() => {
        if (failure !== undefined) {
          span.setAttribute(ATTRIBUTE.errorType, failure.code);
          const { message } = failure;
          span.setStatus({ code: SpanStatusCode.ERROR, ...(message === undefined ? {} : { message }) });
        }
        span.end();
      }, nothing);
    },
  };
}

type Write = (value: number, attributes: OtelAttributes) => void;

function createRecorder(meter: Meter, pulled: readonly Instrument[]): Telemetry["record"] {
  const ignored = new Set(pulled.map(({ name }) => name));
  const made = new Map<string, Write>();
  const labels = createLabels((attribute) => attribute);
  return (instrument, value, attributes) => {
    if (ignored.has(instrument.name)) return;
    guarded(() => {
      const write = made.get(instrument.name) ?? make(meter, instrument);
      made.set(instrument.name, write);
      write(value, { ...conventional(instrument, attributes), ...labels(instrument, attributes) });
    }, nothing);
  };
}

function conventional({ conventional: names = [] }: Instrument, attributes: Attributes | undefined): OtelAttributes {
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = attributes?.[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

function make(meter: Meter, { name, kind, description, unit, buckets }: Instrument): Write {
  const options = { description, unit };
  if (kind === "counter") {
    const counter = meter.createCounter(name, options);
    return (value, attributes) => counter.add(value, attributes);
  }
  if (kind === "gauge") {
    const gauge = meter.createGauge(name, options);
    return (value, attributes) => gauge.record(value, attributes);
  }
  const advice = buckets === undefined ? {} : { advice: { explicitBucketBoundaries: [...buckets] } };
  const histogram = meter.createHistogram(name, { ...options, ...advice });
  return (value, attributes) => histogram.record(value, attributes);
}

function watchGauges(meter: Meter, { instruments, read }: PulledGauges): void {
  const labels = createLabels((attribute) => attribute);
  const observables = new Map(
    instruments.map(({ name, description, unit }) => [name, meter.createObservableGauge(name, { description, unit })]),
  );
  meter.addBatchObservableCallback(
    async (result) => {
      // O2: what cannot be read is missing from this collection.
      const measured = await read().catch(() => []);
      for (const { instrument, value, attributes } of measured) {
        const observable = observables.get(instrument.name);
        if (observable !== undefined) result.observe(observable, value, labels(instrument, attributes));
      }
    },
    [...observables.values()],
  );
}

function nothing(): void {}

function guarded<Result>(work: () => Result, otherwise: () => Result): Result {
  try {
    return work();
  } catch {
    // O2: a broken exporter must not break the call that it watches.
    return otherwise();
  }
}
