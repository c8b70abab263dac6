/** The health of every part, by what each said of itself: what nobody could tell is unknown, never well. */
import { createHealth } from "@container-kit/observability";
import type { Health, HealthStatus, PartHealth } from "@container-kit/observability";
import type { ServerDescription, StoreDescription } from "../../services.ts";

interface KnownParts extends ServerDescription {
  readonly engine: { readonly problem?: string | undefined; readonly remedy?: string | undefined };
}

/** Puts the parts together; the worst of them is the whole. */
export function judgeHealth({ engine, store, plugins = [], runtime, alerts = [] }: KnownParts): Promise<Health> {
  const health = createHealth({
    parts: {
      store: () => storeHealth(store),
      engine: () => partOf(engine.problem === undefined ? [] : [`${engine.problem}. ${engine.remedy ?? ""}`.trim()]),
      plugins: () =>
        partOf(plugins.flatMap(({ name, problem }) => (problem === undefined ? [] : [`plugin ${name}: ${problem}`]))),
      circuits: () =>
        partOf(
          (runtime?.openCircuits ?? []).map((circuit) => `the circuit of ${circuit} is open after repeated failures`),
        ),
    },
    alerts: () => alerts,
  });
  return health.check();
}

const STORE_STATUS: Readonly<Record<StoreDescription["status"], HealthStatus>> = {
  ok: "ok",
  degraded: "degraded",
  readOnly: "failing",
  unavailable: "failing",
};

function storeHealth(store: StoreDescription | undefined): PartHealth {
  if (store === undefined) return { status: "unknown", reasons: ["nobody says how the store fares"] };
  return { status: STORE_STATUS[store.status], reasons: store.reasons };
}

function partOf(reasons: readonly string[]): PartHealth {
  return { status: reasons.length === 0 ? "ok" : "degraded", reasons };
}
