import type { AlertState } from "./alerts/alerts.ts";

/**
 * Health that does not lie: the worst of what is known of every part, with the reasons.
 *
 * - H1  `ok` is said only of what answered that it is. What throws, or does not answer in time, is `unknown`.
 * - H2  An answer comes within the deadline, whatever the parts do.
 */

/** From good to bad. `degraded`: some of it does not work; `failing`: what it is for does not work. */
export type HealthStatus = "ok" | "unknown" | "degraded" | "failing";

/** How one part is. */
export interface PartHealth {
  readonly status: HealthStatus;
  /** One sentence each; at least one unless the status is ok. */
  readonly reasons: readonly string[];
}

/** How everything is. */
export interface Health extends PartHealth {
  readonly parts: Readonly<Record<string, PartHealth>>;
  readonly alerts: readonly AlertState[];
}

/** Asks one part how it is. The signal ends when nobody waits for the answer any more. */
export type HealthCheck = (signal: AbortSignal) => PartHealth | Promise<PartHealth>;

/** What health is made of. */
export interface HealthOptions {
  readonly parts: Readonly<Record<string, HealthCheck>>;
  /** Firing ones make the whole degraded; a rule that cannot be judged makes it unknown. */
  readonly alerts?: () => readonly AlertState[];
  /** How long a part may take to answer. Default 2,000 ms. */
  readonly deadlineMs?: number;
}

const SEVERITY: readonly HealthStatus[] = ["ok", "unknown", "degraded", "failing"];
const DEADLINE_MS = 2_000;

/** Makes the function that asks every part at once. It never throws. */
export function createHealth(options: HealthOptions): { check(signal?: AbortSignal): Promise<Health> } {
  const { parts, alerts = () => [], deadlineMs = DEADLINE_MS } = options;
  return {
    async check(signal) {
      const asked = Object.entries(parts).map(
        async ([name, check]) => [name, await ask(name, check, { deadlineMs, signal })] as const,
      );
      const answers = Object.fromEntries(await Promise.all(asked));
      const states = readAlerts(alerts);
      const all = [...Object.values(answers), ...states.judged];
      const status = worst(all.map((part) => part.status));
      return { status, reasons: all.flatMap(({ reasons }) => reasons), parts: answers, alerts: states.alerts };
    },
  };
}

/** The severity as a number, for a gauge: 0 ok, 1 unknown, 2 degraded, 3 failing. */
export function healthLevel(status: HealthStatus): number {
  return SEVERITY.indexOf(status);
}

interface Patience {
  readonly deadlineMs: number;
  readonly signal: AbortSignal | undefined;
}

async function ask(name: string, check: HealthCheck, { deadlineMs, signal }: Patience): Promise<PartHealth> {
  const over = new AbortController();
  const stop = (): void => over.abort();
  let timer: NodeJS.Timeout | undefined;
  try {
    const late = new Promise<PartHealth>((resolve) => {
      timer = setTimeout(() => resolve(unknown(`${name} did not answer within ${deadlineMs} ms.`)), deadlineMs);
      over.signal.addEventListener("abort", () => resolve(unknown(`${name} was not waited for.`)), { once: true });
    });
    if (signal?.aborted === true) return unknown(`${name} was not asked.`);
    signal?.addEventListener("abort", stop, { once: true });
    return sound(name, await Promise.race([Promise.resolve(check(over.signal)), late]));
  } catch (error) {
    return unknown(`${name} could not be asked: ${error instanceof Error ? error.message : "it failed"}.`);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", stop);
    stop();
  }
}

/** H1: an answer that is none of the known ones is not taken for a good one. */
function sound(name: string, answer: PartHealth): PartHealth {
  if (!SEVERITY.includes(answer.status)) return unknown(`${name} answered with "${answer.status}".`);
  if (answer.status === "ok" || answer.reasons.length > 0) return answer;
  return { status: answer.status, reasons: [`${name} is ${answer.status} and does not say why.`] };
}

function readAlerts(alerts: () => readonly AlertState[]): {
  readonly alerts: readonly AlertState[];
  readonly judged: readonly PartHealth[];
} {
  try {
    const states = alerts();
    return { alerts: states, judged: states.map(partOf) };
  } catch (error) {
    const reason = `The alerts could not be judged: ${error instanceof Error ? error.message : "it failed"}.`;
    return { alerts: [], judged: [unknown(reason)] };
  }
}

function partOf({ name, state, reason }: AlertState): PartHealth {
  if (state === "firing") return { status: "degraded", reasons: [`${name}: ${reason}`] };
  if (state === "unknown") return unknown(`${name}: ${reason}`);
  return { status: "ok", reasons: [] };
}

function unknown(reason: string): PartHealth {
  return { status: "unknown", reasons: [reason] };
}

function worst(all: readonly HealthStatus[]): HealthStatus {
  return SEVERITY[Math.max(0, ...all.map((status) => SEVERITY.indexOf(status)))] ?? "unknown";
}
