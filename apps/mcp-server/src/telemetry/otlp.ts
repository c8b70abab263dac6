/**
 * Sends traces and measurements to a collector. The only file that knows the OpenTelemetry SDK; it is loaded only when
 * somebody asked for it.
 *
 * - O1  A collector that is slow, away or broken costs memory up to a bound and a line of the log now and then, never a
 *       call and never the end of the program by more than its deadline.
 */
import type { Logger, PulledGauges, Telemetry } from "@container-kit/observability";
import { createOtelTelemetry } from "@container-kit/observability/otel";
import { diag, DiagLogLevel } from "@opentelemetry/api";
import { OTLPMetricExporter } from "@opentelemetry/exporter-metrics-otlp-http";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { MeterProvider, PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics";
import { BatchSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";

/** Where it is sent, and what is said of the sender. */
export interface OtlpOptions {
  readonly endpoint: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly serviceName: string;
  readonly version: string;
  readonly logger: Logger;
  readonly gauges: PulledGauges;
}

/** What sends, until it is closed. */
export interface Sending {
  readonly telemetry: Telemetry;
  /** Sends what is left, and waits for it no longer than the deadline. */
  close(): Promise<void>;
}

const EXPORT_TIMEOUT_MS = 5_000;
const METRICS_EVERY_MS = 30_000;
const SPANS_EVERY_MS = 2_000;
const CLOSE_DEADLINE_MS = 1_000;
const COMPLAIN_EVERY_MS = 300_000;

/** Begins to send. */
export function sendByOtlp({ endpoint, headers, serviceName, version, logger, gauges }: OtlpOptions): Sending {
  const complain = complainSeldom(logger);
  listen(complain);
  const to = (path: string) => ({
    url: new URL(path, endpoint.endsWith("/") ? endpoint : `${endpoint}/`).href,
    headers: { ...headers },
    timeoutMillis: EXPORT_TIMEOUT_MS,
  });
  const resource = resourceFromAttributes({ "service.name": serviceName, "service.version": version });
  const exporter = new OTLPTraceExporter(to("v1/traces"));
  const processor = new BatchSpanProcessor({
    exporter,
    scheduledDelayMillis: SPANS_EVERY_MS,
    exportTimeoutMillis: EXPORT_TIMEOUT_MS,
  });
  const traces = new TracerProvider({ resource, spanProcessors: [processor] });
  const reader = new PeriodicExportingMetricReader({
    exporter: new OTLPMetricExporter(to("v1/metrics")),
    exportIntervalMillis: METRICS_EVERY_MS,
    exportTimeoutMillis: EXPORT_TIMEOUT_MS,
  });
  const meters = new MeterProvider({ resource, readers: [reader] });
  const telemetry = createOtelTelemetry({
    tracer: traces.getTracer("container-kit", version),
    meter: meters.getMeter("container-kit", version),
    gauges,
  });
  return {
    telemetry,
    async close() {
      const sent = await closeWithin(CLOSE_DEADLINE_MS, [traces, meters]);
      if (!sent) complain("the collector did not take the rest before the end");
      diag.disable();
    },
  };
}

/** Says whether everything was sent. */
async function closeWithin(
  deadlineMs: number,
  providers: readonly { readonly shutdown: () => Promise<void> }[],
): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, deadlineMs, false);
  });
  const all = Promise.allSettled(providers.map((provider) => provider.shutdown()));
  const sent = all.then((ends) => ends.every(({ status }) => status === "fulfilled"));
  const everything = await Promise.race([sent, late]);
  clearTimeout(timer);
  return everything;
}

type Complain = (problem: string) => void;

/** O1: a collector that is away would otherwise fill the log. */
function complainSeldom(logger: Logger): Complain {
  let complainedAt = Number.NEGATIVE_INFINITY;
  return (problem) => {
    const now = performance.now();
    if (now - complainedAt < COMPLAIN_EVERY_MS) return;
    complainedAt = now;
    logger.warn("Telemetry could not be sent.", { problem: problem.slice(0, 500) });
  };
}

/** What the SDK has to say. */
function listen(complain: Complain): void {
  diag.setLogger(
    { error: complain, warn: complain, info: quiet, debug: quiet, verbose: quiet },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  );
}

function quiet(): void {}
