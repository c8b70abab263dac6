import type { Runtime } from "@container-kit/atomic-runtime";
import type { Engine } from "@container-kit/docker-ops";
import { isKitError, toErrorResult } from "@container-kit/errors";
import { ATTRIBUTE, healthLevel, INSTRUMENT } from "@container-kit/observability";
import type { Health, Measurement, PartHealth } from "@container-kit/observability";
import type { SessionStore } from "@container-kit/session";
import type { Storage } from "@container-kit/storage";

/** What is watched; it exists only after its telemetry, which it is handed. */
export interface Watched {
  readonly runtime: Pick<Runtime, "status">;
  readonly storage: Pick<Storage, "health">;
  readonly sessions: Pick<SessionStore, "listJobs">;
  readonly engine: () => Promise<Pick<Engine, "ping">>;
}

const ENGINE_PING_MS = 1_500;
const MOST_JOBS = 1_000;

/** How the store is: what cannot be written any more is failing, because no call is answered without its record. */
export function storeHealth({ storage }: Pick<Watched, "storage">): PartHealth {
  const { status, reasons } = storage.health();
  if (status === "ok" || status === "degraded") return { status, reasons };
  return { status: "failing", reasons };
}

/** What keeps the store from being as it should be, for the alerts. */
export function storeProblems(watched: Pick<Watched, "storage">): readonly string[] {
  const { status, reasons } = storeHealth(watched);
  if (status === "ok") return [];
  return reasons.length > 0 ? reasons : [`The store is ${status} and does not say why.`];
}

/** How the engine is. Without one the server does part of its work, and says so. */
export async function engineHealth({ engine }: Pick<Watched, "engine">, signal: AbortSignal): Promise<PartHealth> {
  try {
    const connected = await engine();
    await connected.ping({ deadlineMs: ENGINE_PING_MS, signal });
    return { status: "ok", reasons: [] };
  } catch (error) {
    if (!isKitError(error) || error.category !== "engine") throw error;
    const { message, remedy } = toErrorResult(error);
    return { status: "degraded", reasons: [`${message}. ${remedy}`] };
  }
}

/** What {@link readGauges} reads. */
export const GAUGES = [
  INSTRUMENT.callsRunning,
  INSTRUMENT.callsWaiting,
  INSTRUMENT.circuitsOpen,
  INSTRUMENT.jobs,
  INSTRUMENT.health,
];

/** What is read when somebody collects, instead of being told. */
export async function readGauges(watched: Watched, health: () => Promise<Health>): Promise<readonly Measurement[]> {
  const [{ parts, status }, jobs] = await Promise.all([
    health(),
    watched.sessions.listJobs({ active: true, limit: MOST_JOBS }),
  ]);
  const components = [...Object.entries(parts), ["all", { status }] as const];
  const { running, waiting, openCircuits } = watched.runtime.status();
  return [
    { instrument: INSTRUMENT.callsRunning, value: running },
    { instrument: INSTRUMENT.callsWaiting, value: waiting },
    { instrument: INSTRUMENT.circuitsOpen, value: openCircuits.length },
    ...(["pending", "running"] as const).map((state) => ({
      instrument: INSTRUMENT.jobs,
      value: jobs.filter((job) => job.status === state).length,
      attributes: { [ATTRIBUTE.state]: state },
    })),
    ...components.map(([name, part]) => ({
      instrument: INSTRUMENT.health,
      value: healthLevel(part.status),
      attributes: { [ATTRIBUTE.component]: name },
    })),
  ];
}
