/**
 * What libraries trace and count through, whoever listens.
 *
 * - T1  Silent by default: {@link silentTelemetry} keeps nothing and allocates nothing.
 * - T2  No method throws, whatever listens: telemetry never fails the work that it watches.
 * - T3  Attributes are few and bounded: names and codes, never paths, ids of things, or text that a user wrote. An id
 *       belongs on a span, not on a metric.
 */

/** What describes a span or a measurement. A value that is undefined is left out. */
export type Attributes = Readonly<Record<string, string | number | boolean | undefined>>;

/** Why a span failed. The code becomes `error.type`; the message must have been redacted. */
export interface SpanFailure {
  readonly code: string;
  readonly message?: string;
}

/** A piece of work with a beginning and an end. */
export interface Span {
  /** The trace that it is part of, 32 hex digits; undefined where nobody traces. */
  readonly traceId: string | undefined;
  /** The W3C `traceparent` to hand to what is called within; undefined where nobody traces. */
  readonly traceparent: string | undefined;
  set(attributes: Attributes): void;
  /** Ends it, once: a later call does nothing. */
  end(failure?: SpanFailure): void;
}

/** How a span begins. */
export interface SpanOptions {
  readonly attributes?: Attributes;
  /** A W3C `traceparent`: the span becomes a child of that one. What is not one is ignored. */
  readonly parent?: string | undefined;
  /** `server` for a request that came from outside, `client` for one that goes there. Default `internal`. */
  readonly kind?: "server" | "client" | "internal";
}

/** Something that is measured: declared once, as data, so that every listener names it alike. */
export interface Instrument {
  /** Its OpenTelemetry name. */
  readonly name: string;
  /** Its Prometheus name, with unit and suffix. */
  readonly prometheus: string;
  /** A counter is added to, a histogram is observed, a gauge is set. */
  readonly kind: "counter" | "histogram" | "gauge";
  readonly description: string;
  readonly unit: string;
  /** The attributes that it keeps, each with its Prometheus label; others are dropped (T3). */
  readonly labels: Readonly<Record<string, string>>;
  /** Attributes that OpenTelemetry's conventions ask for besides. */
  readonly conventional?: readonly string[];
  /** Upper bounds of a histogram's buckets. */
  readonly buckets?: readonly number[];
}

/** One value of an instrument. */
export interface Measurement {
  readonly instrument: Instrument;
  readonly value: number;
  readonly attributes?: Attributes;
}

/** Gauges that are read when somebody collects, instead of being told: so they cannot be out of date. */
export interface PulledGauges {
  /** Which they are; a value that is told for one of them is ignored. */
  readonly instruments: readonly Instrument[];
  /** What they are now. Where it fails they are missing from what is collected. */
  readonly read: () => Promise<readonly Measurement[]>;
}

/** The role that libraries trace and count through. */
export interface Telemetry {
  /** Begins a span; whoever begins it ends it. */
  readonly span: (name: string, options?: SpanOptions) => Span;
  /** Adds to a counter, observes a histogram or sets a gauge. */
  readonly record: (instrument: Instrument, value: number, attributes?: Attributes) => void;
}

const silentSpan: Span = { traceId: undefined, traceparent: undefined, set: () => {}, end: () => {} };

/** The default of every library: says nothing, costs nothing. */
export const silentTelemetry: Telemetry = { span: () => silentSpan, record: () => {} };
