import { judge } from "./judge.ts";
import type { AlertSource, Judgement } from "./judge.ts";
import { DEFAULT_ALERT_RULES } from "./rules.ts";
import type { AlertRule, AlertRules } from "./rules.ts";

/**
 * Judges the alert rules whenever it is asked, and remembers since when each has been so.
 *
 * - A3  A condition must hold for the rule's `forSeconds` before it fires; until then it is pending. Asking more seldom
 *       makes it fire later, never sooner.
 * - A4  A rule that cannot be judged is `unknown`, never `ok`; the others are judged all the same.
 */
export interface Alerts {
  /** How every rule stands now, in the order of the rules. */
  evaluate(): readonly AlertState[];
}

/** How one rule stands. */
export interface AlertState {
  readonly name: string;
  readonly state: "ok" | "pending" | "firing" | "unknown";
  /** Since when it has been in this state; milliseconds since the epoch. */
  readonly since: number;
  /** One sentence for a person. */
  readonly reason: string;
  /** What was measured; null where there was nothing to measure. */
  readonly value: number | null;
  readonly limit: number | null;
}

/** How {@link createAlerts} is made. */
export interface AlertsOptions {
  /** Added to the defaults; one of the same name replaces a default, `false` takes it away. Checked with `alertRuleProblems`. */
  readonly rules?: AlertRules;
  /** The time of day; `Date.now` by default. */
  readonly clock?: () => number;
}

const STUCK_SECONDS = 60;

interface Memory {
  state: AlertState["state"];
  since: number;
  /** Since when the condition has held; null while it does not. */
  holdsSince: number | null;
  /** What the monitor said of the last end, when it was asked last. */
  lastEndedAt: number | null;
}

/** Makes the alerts of a program. */
export function createAlerts(source: AlertSource, { rules = {}, clock = Date.now }: AlertsOptions = {}): Alerts {
  const all = Object.entries({ ...DEFAULT_ALERT_RULES, ...rules }).filter(
    (entry): entry is [string, AlertRule] => entry[1] !== false,
  );
  const memories = new Map<string, Memory>();
  return {
    evaluate: () =>
      all.map(([name, rule]) => {
        const now = clock();
        const memory = memories.get(name) ?? { state: "ok", since: now, holdsSince: null, lastEndedAt: null };
        memories.set(name, memory);
        const judgement = judged(rule, source);
        const state = judgement === null ? "unknown" : stateOf(rule, judgement, { memory, source, now });
        if (state !== memory.state) memory.since = now;
        memory.state = state;
        const { reason, value, limit } = judgement ?? { reason: UNKNOWN, value: null, limit: null };
        return { name, state, since: memory.since, reason, value, limit };
      }),
  };
}

const UNKNOWN = "It could not be found out.";

function judged(rule: AlertRule, source: AlertSource): Judgement | null {
  try {
    return judge(rule, source);
  } catch {
    // A4: whatever broke, what is known is that nothing is known.
    return null;
  }
}

function stateOf(
  rule: AlertRule,
  { holds }: Judgement,
  { memory, source, now }: { readonly memory: Memory; readonly source: AlertSource; readonly now: number },
): AlertState["state"] {
  const { lastEndedAt } = source.monitor;
  // A queue of which something ends is slow, not stuck.
  const moved = rule.kind === "queue_stuck" && lastEndedAt !== memory.lastEndedAt;
  memory.lastEndedAt = lastEndedAt;
  if (!holds) {
    memory.holdsSince = null;
    return "ok";
  }
  // A clock that was set back must not keep an alert from firing for ever.
  if (memory.holdsSince === null || moved || memory.holdsSince > now) memory.holdsSince = now;
  const { forSeconds = rule.kind === "queue_stuck" ? STUCK_SECONDS : 0 } = rule;
  return now - memory.holdsSince >= forSeconds * 1_000 ? "firing" : "pending";
}
