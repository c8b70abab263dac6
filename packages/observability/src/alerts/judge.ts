import type { CallMonitor } from "./call-monitor.ts";
import { CALLERS_FAULTS } from "./rules.ts";
import type { AlertRule, ErrorRateRule, SlowRule } from "./rules.ts";

/** What alerts are judged by, besides the calls that the monitor heard. Each is cheap and says what is so now. */
export interface AlertSource {
  readonly monitor: CallMonitor;
  /** How many calls wait for their turn. */
  readonly waiting: () => number;
  /** Why the store is not as it should be; empty when it is. */
  readonly storeProblems: () => readonly string[];
  /** Circuits that are not closed. */
  readonly openCircuits: () => readonly string[];
}

/** What a rule sees now: whether its condition holds, what it measured, and a sentence about it. */
export interface Judgement {
  readonly holds: boolean;
  readonly value: number | null;
  readonly limit: number;
  readonly reason: string;
}

const WINDOW_SECONDS = 300;
const MINIMUM_CALLS = 20;

/** Judges one rule. */
export function judge(rule: AlertRule, source: AlertSource): Judgement {
  switch (rule.kind) {
    case "error_rate":
      return judgeErrorRate(rule, source.monitor);
    case "p95":
      return judgeSlow(rule, source.monitor);
    case "store_degraded":
      return judgeList(source.storeProblems(), "The store is as it should be.");
    case "circuit_open":
      return judgeList(
        source.openCircuits().map((circuit) => `The circuit of ${circuit} is open.`),
        "All circuits are closed.",
      );
    case "queue_stuck":
      return judgeQueue(source.waiting());
  }
  return exhausted(rule);
}

function exhausted(rule: never): never {
  throw new TypeError(`no such rule: ${JSON.stringify(rule)}`);
}

function judgeQueue(waiting: number): Judgement {
  const reason = waiting === 0 ? "No call waits." : `${waiting} ${waiting === 1 ? "call waits" : "calls wait"}.`;
  return { holds: waiting > 0, value: waiting, limit: 0, reason };
}

function judgeErrorRate(rule: ErrorRateRule, monitor: CallMonitor): Judgement {
  const { above, tool, windowSeconds = WINDOW_SECONDS, minimumCalls = MINIMUM_CALLS, ignore = CALLERS_FAULTS } = rule;
  const { calls, codes } = monitor.summary(windowSeconds, tool);
  const noun = calls === 1 ? "call" : "calls";
  const of = `${tool === undefined ? noun : `${noun} of ${tool}`} in ${span(windowSeconds)}`;
  if (calls < minimumCalls) {
    const reason = `${calls} ${of}; a rate is judged from ${minimumCalls} on.`;
    return { holds: false, value: null, limit: above, reason };
  }
  const failures = [...codes].filter(([code]) => code !== "OK" && !ignore.includes(code));
  const failed = failures.reduce((sum, [, count]) => sum + count, 0);
  const value = failed / calls;
  const [worst] = failures.sort(([, one], [, other]) => other - one);
  const mostly = worst === undefined ? "" : `, most with ${worst[0]}`;
  return { holds: value > above, value, limit: above, reason: `${failed} of ${calls} ${of} failed${mostly}.` };
}

function judgeSlow(rule: SlowRule, monitor: CallMonitor): Judgement {
  const { aboveMs, tools, windowSeconds = WINDOW_SECONDS, minimumCalls = MINIMUM_CALLS } = rule;
  const measured = tools.flatMap((tool) => {
    const summary = monitor.summary(windowSeconds, tool);
    const p95 = summary.percentile(0.95);
    return summary.calls < minimumCalls || p95 === null ? [] : [{ tool, p95, calls: summary.calls }];
  });
  const [slowest] = measured.sort((one, other) => other.p95 - one.p95);
  if (slowest === undefined) {
    const reason = `None of ${tools.join(", ")} was called ${minimumCalls} times in ${span(windowSeconds)}.`;
    return { holds: false, value: null, limit: aboveMs, reason };
  }
  const { tool, p95, calls } = slowest;
  const reason = `The p95 of ${tool} is some ${Math.round(p95)} ms over ${calls} calls in ${span(windowSeconds)}.`;
  return { holds: p95 > aboveMs, value: Math.round(p95), limit: aboveMs, reason };
}

function judgeList(problems: readonly string[], fine: string): Judgement {
  const holds = problems.length > 0;
  return { holds, value: problems.length, limit: 0, reason: holds ? problems.join(" ") : fine };
}

function span(seconds: number): string {
  return seconds % 60 === 0 ? `${seconds / 60} min` : `${seconds} s`;
}
