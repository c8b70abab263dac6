import { ATTRIBUTE, INSTRUMENT } from "../conventions.ts";
import { silentTelemetry } from "../telemetry.ts";
import type { Telemetry } from "../telemetry.ts";
import { createCallWindow } from "./call-window.ts";
import type { WindowSummary } from "./call-window.ts";
import { LONGEST_WINDOW_SECONDS } from "./rules.ts";

/**
 * The listener that a program always has: it remembers how the calls of the last hour fared, for its alerts.
 *
 * It hears what any other listener hears, so that nothing is told twice; see `recordToolCall`.
 */
export interface CallMonitor {
  /** Hand this to who records, alone or joined with others. */
  readonly telemetry: Telemetry;
  /** The calls of the last `windowSeconds`, of all tools or of one. */
  summary(windowSeconds: number, tool?: string): WindowSummary;
  /** When a call ended last, by the monitor's clock; null before the first. */
  readonly lastEndedAt: number | null;
}

/** Two windows, because one that reaches back an hour has slots of two minutes, too coarse for five. */
const SHORT_MS = 600_000;
const LONG_MS = LONGEST_WINDOW_SECONDS * 1_000;

/** Makes a monitor. The clock counts milliseconds that only grow; `performance.now` by default. */
export function createCallMonitor(clock: () => number = () => performance.now()): CallMonitor {
  const short = createCallWindow(SHORT_MS);
  const long = createCallWindow(LONG_MS);
  let lastEndedAt: number | null = null;
  return {
    telemetry: {
      span: silentTelemetry.span,
      record(instrument, value, attributes) {
        if (instrument.name !== INSTRUMENT.toolDuration.name) return;
        const now = clock();
        const call = {
          tool: String(attributes?.[ATTRIBUTE.tool] ?? "unknown"),
          code: String(attributes?.[ATTRIBUTE.errorType] ?? "OK"),
          durationMs: value * 1_000,
        };
        lastEndedAt = now;
        short.add(call, now);
        long.add(call, now);
      },
    },
    summary(windowSeconds, tool) {
      const windowMs = windowSeconds * 1_000;
      return (windowMs <= SHORT_MS ? short : long).summary({ windowMs, tool }, clock());
    },
    get lastEndedAt() {
      return lastEndedAt;
    },
  };
}
