import type { Instrument, Telemetry } from "./telemetry.ts";

/**
 * The names that spans and measurements bear.
 *
 * - N1  They are those of OpenTelemetry's conventions for MCP and for generative AI, where these have one; ours begin
 *       with `container_kit.`.
 * - N2  A name that is told to the outside is stable: a renamed one breaks somebody's dashboard.
 */

/** Attributes of spans and measurements. */
export const ATTRIBUTE = {
  method: "mcp.method.name",
  protocolVersion: "mcp.protocol.version",
  /** The transport's session, where there is one; the durable session is {@link ATTRIBUTE.session}. */
  mcpSession: "mcp.session.id",
  requestId: "jsonrpc.request.id",
  transport: "network.transport",
  tool: "gen_ai.tool.name",
  operation: "gen_ai.operation.name",
  errorType: "error.type",
  /** How a call ended: `OK` or the code of the error. */
  code: "container_kit.code",
  session: "container_kit.session.id",
  execution: "container_kit.execution.id",
  job: "container_kit.job.id",
  correlation: "container_kit.correlation.id",
  dryRun: "container_kit.dry_run",
  attempt: "container_kit.attempt",
  state: "container_kit.state",
  component: "container_kit.component",
} as const;

const SECONDS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800] as const;

/** Everything that is measured. */
export const INSTRUMENT = {
  toolDuration: {
    name: "mcp.server.operation.duration",
    prometheus: "container_kit_tool_duration_seconds",
    kind: "histogram",
    description: "How long calls of tools took.",
    unit: "s",
    labels: { [ATTRIBUTE.tool]: "tool" },
    conventional: [ATTRIBUTE.method, ATTRIBUTE.errorType],
    buckets: SECONDS,
  },
  toolCalls: {
    name: "container_kit.tool.calls",
    prometheus: "container_kit_tool_calls_total",
    kind: "counter",
    description: "Calls of tools that ended; code is OK or the code of the error.",
    unit: "{call}",
    labels: { [ATTRIBUTE.tool]: "tool", [ATTRIBUTE.code]: "code" },
  },
  callsRunning: gauge("container_kit.calls.running", "container_kit_calls_running", "Calls that run now."),
  callsWaiting: gauge("container_kit.calls.waiting", "container_kit_calls_waiting", "Calls that wait for their turn."),
  circuitsOpen: gauge("container_kit.circuits.open", "container_kit_circuits_open", "Circuits that are not closed."),
  jobs: gauge("container_kit.jobs", "container_kit_jobs", "Jobs of this store by state.", {
    [ATTRIBUTE.state]: "state",
  }),
  health: gauge("container_kit.health", "container_kit_health", "Health: 0 ok, 1 unknown, 2 degraded, 3 failing.", {
    [ATTRIBUTE.component]: "component",
  }),
} as const satisfies Readonly<Record<string, Instrument>>;

/** How a call of a tool ended, as it is measured. */
export interface MeasuredCall {
  /** The name of a registered tool; a name that nobody has is none (use `unknown`). */
  readonly tool: string;
  /** The code of the failure, or null. */
  readonly code: string | null;
  readonly durationMs: number;
}

/** Measures the end of one call: how long it took, and how it ended. A call that was refused counts too. */
export function recordToolCall(telemetry: Telemetry, { tool, code, durationMs }: MeasuredCall): void {
  telemetry.record(INSTRUMENT.toolDuration, durationMs / 1_000, {
    [ATTRIBUTE.method]: "tools/call",
    [ATTRIBUTE.tool]: tool,
    [ATTRIBUTE.errorType]: code ?? undefined,
  });
  telemetry.record(INSTRUMENT.toolCalls, 1, { [ATTRIBUTE.tool]: tool, [ATTRIBUTE.code]: code ?? "OK" });
}

function gauge(name: string, prometheus: string, description: string, labels: Instrument["labels"] = {}): Instrument {
  return { name, prometheus, kind: "gauge", description, unit: "1", labels };
}
