/**
 * Telemetry for Prometheus: measurements in its text format. It traces nothing.
 *
 * @packageDocumentation
 */
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { createLabels } from "./bounded-labels.ts";
import { silentTelemetry } from "./telemetry.ts";
import type { Instrument, PulledGauges, Telemetry } from "./telemetry.ts";

/** Measurements that a Prometheus server can read. */
export interface PrometheusTelemetry extends Telemetry {
  readonly contentType: string;
  /** Everything that was measured until now, as text. */
  text(): Promise<string>;
}

/** How {@link createPrometheusTelemetry} is made. */
export interface PrometheusOptions {
  /** Shown from the beginning, with no calls yet. */
  readonly instruments?: readonly Instrument[];
  readonly gauges?: PulledGauges;
}

type Write = (value: number, labels: Record<string, string>) => void;

/** Makes a telemetry with a registry of its own: nothing of the process's other registries is given out. */
export function createPrometheusTelemetry({ instruments = [], gauges }: PrometheusOptions = {}): PrometheusTelemetry {
  const registry = new Registry();
  const labels = createLabels((_attribute, prometheus) => prometheus);
  const told = recordInto(registry, labels, instruments);
  const pulled = new Set(gauges?.instruments.map(({ name }) => name));
  return {
    span: silentTelemetry.span,
    record(instrument, value, attributes) {
      if (!pulled.has(instrument.name)) told(instrument, value, attributes);
    },
    contentType: registry.contentType,
    async text() {
      const measured = (await gauges?.read().catch(() => null)) ?? [];
      // Fresh each time: a gauge that could not be read is missing, instead of standing at what it was once.
      const now = new Registry();
      const set = recordInto(now, labels);
      for (const { instrument, value, attributes } of measured) set(instrument, value, attributes);
      return `${await registry.metrics()}${await now.metrics()}`;
    },
  };
}

function recordInto(
  registry: Registry,
  labels: ReturnType<typeof createLabels>,
  instruments: readonly Instrument[] = [],
): Telemetry["record"] {
  const made = new Map(instruments.map((instrument) => [instrument.name, make(instrument, registry)]));
  return (instrument, value, attributes) => {
    try {
      const write = made.get(instrument.name) ?? make(instrument, registry);
      made.set(instrument.name, write);
      write(value, labels(instrument, attributes));
    } catch {
      // A measurement that cannot be kept (a negative count, no number) is none; the work goes on.
    }
  };
}

function make({ kind, prometheus: name, description: help, labels, buckets }: Instrument, registry: Registry): Write {
  const common = { name, help, labelNames: Object.values(labels), registers: [registry] };
  if (kind === "counter") {
    const counter = new Counter(common);
    return (value, values) => counter.inc(values, value);
  }
  if (kind === "gauge") {
    const gauge = new Gauge(common);
    return (value, values) => gauge.set(values, value);
  }
  const histogram = new Histogram({ ...common, ...(buckets === undefined ? {} : { buckets: [...buckets] }) });
  return (value, values) => histogram.observe(values, value);
}
