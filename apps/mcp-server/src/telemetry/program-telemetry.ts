import { createAlerts, createCallMonitor, createHealth, INSTRUMENT, joinTelemetry } from "@container-kit/observability";
import type {
  Alerts,
  AlertState,
  Health,
  Logger,
  PulledGauges,
  Redactor,
  Telemetry,
} from "@container-kit/observability";
import manifest from "../../package.json" with { type: "json" };
import type { PrometheusTelemetry } from "@container-kit/observability/prometheus";
import type { MetricsServer } from "./metrics-server.ts";
import type { Sending } from "./otlp.ts";
import { otlpHeaders } from "./settings.ts";
import type { TelemetrySettings } from "./settings.ts";
import { engineHealth, GAUGES, readGauges, storeHealth, storeProblems } from "./sources.ts";
import type { Watched } from "./sources.ts";

/**
 * The telemetry of the program: a monitor always, everything else only when somebody asked for it.
 *
 * - P1  What was not asked for is not loaded: neither an SDK, nor a registry of measurements, nor a port.
 * - P2  It is made before what it watches, and is told of that by {@link ProgramTelemetry.watch}; until then health is unknown.
 */
export interface ProgramTelemetry {
  /** Hand this to the runtime. */
  readonly telemetry: Telemetry;
  /** Tells what there is to watch, once it is there; begins to log alerts that fire. */
  watch(watched: Watched): void;
  /** How everything is, with the alerts. It asks the engine. */
  health(signal?: AbortSignal): Promise<Health>;
  /** How the alert rules stand; cheap. */
  alerts(): readonly AlertState[];
  /** Gives out measurements on a port of this machine. @throws an error of Node where the port is taken */
  serveMetrics(port: number): Promise<MetricsServer>;
  close(): Promise<void>;
}

/** What the telemetry is made of. */
export interface ProgramTelemetryOptions {
  readonly settings: TelemetrySettings;
  /** Whether measurements will be asked for, by {@link ProgramTelemetry.serveMetrics}. */
  readonly metrics?: boolean;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly logger: Logger;
  readonly redactor: Redactor;
}

const JUDGE_EVERY_MS = 15_000;

/** Makes it; loads what was asked for. */
export async function openTelemetry(options: ProgramTelemetryOptions): Promise<ProgramTelemetry> {
  const { settings, logger, metrics = false } = options;
  const monitor = createCallMonitor();
  let watched: Watched | undefined;
  const now = (): Watched => {
    if (watched === undefined) throw new Error("the program is still starting");
    return watched;
  };
  const alerts = createAlerts(
    {
      monitor,
      waiting: () => now().runtime.status().waiting,
      openCircuits: () => now().runtime.status().openCircuits,
      storeProblems: () => storeProblems(now()),
    },
    { rules: settings.alerts },
  );
  const health = createHealth({
    parts: { store: () => storeHealth(now()), engine: (signal) => engineHealth(now(), signal) },
    alerts: () => alerts.evaluate(),
  });
  const gauges = { instruments: GAUGES, read: async () => readGauges(now(), () => health.check()) };
  const sending = settings.otlp === null ? null : await beginToSend(settings.otlp, { ...options, gauges });
  const prometheus = metrics ? await openPrometheus(gauges) : null;
  const listeners = [sending?.telemetry ?? null, prometheus, monitor.telemetry].filter((one) => one !== null);
  const watching = createWatching(alerts, logger);
  let server: MetricsServer | null = null;
  let closing: Promise<void> | undefined;
  return {
    telemetry: joinTelemetry(...listeners),
    watch(found) {
      watched = found;
      watching.begin();
    },
    health: (signal) => health.check(signal),
    alerts: () => alerts.evaluate(),
    async serveMetrics(port) {
      if (prometheus === null) throw new TypeError("measurements were not asked for when the telemetry was opened");
      const { serveMetrics } = await import("./metrics-server.ts");
      server = await serveMetrics({ port, metrics: prometheus, health: () => health.check() });
      return server;
    },
    close() {
      watching.end();
      closing ??= Promise.all([server?.close(), sending?.close()]).then(() => undefined);
      return closing;
    },
  };
}

async function beginToSend(
  endpoint: string,
  options: ProgramTelemetryOptions & { readonly gauges: PulledGauges },
): Promise<Sending> {
  const { environment, redactor, logger, gauges } = options;
  const headers = otlpHeaders(environment);
  for (const value of Object.values(headers)) redactor.learn(value);
  const named = environment["OTEL_SERVICE_NAME"] ?? "";
  const { sendByOtlp } = await import("./otlp.ts");
  const serviceName = named === "" ? "container-kit" : named;
  return sendByOtlp({ endpoint, headers, serviceName, version: manifest.version, logger, gauges });
}

async function openPrometheus(gauges: PulledGauges): Promise<PrometheusTelemetry> {
  const { createPrometheusTelemetry } = await import("@container-kit/observability/prometheus");
  return createPrometheusTelemetry({ instruments: [INSTRUMENT.toolCalls, INSTRUMENT.toolDuration], gauges });
}

/** Judges the rules now and then, so that an alert fires and is logged although nobody asks. */
function createWatching(alerts: Alerts, logger: Logger): { begin(): void; end(): void } {
  const firing = new Set<string>();
  let timer: NodeJS.Timeout | undefined;
  const look = (): void => {
    for (const { name, state, reason, value, limit } of alerts.evaluate()) {
      if (state === "firing" && !firing.has(name)) {
        firing.add(name);
        logger.warn("An alert fires.", { alert: name, reason, value, limit });
      } else if (state === "ok" && firing.delete(name)) logger.info("An alert is over.", { alert: name, reason });
    }
  };
  return {
    begin() {
      timer ??= setInterval(look, JUDGE_EVERY_MS).unref();
    },
    end: () => clearInterval(timer),
  };
}
