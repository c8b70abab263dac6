/**
 * Alert rules: plain data that a configuration file can hold, and its check.
 *
 * - A1  A rule is judged by its `kind`; a name only says which one is meant when a configuration replaces a default.
 * - A2  What cannot be understood is refused whole, with the path of each mistake: a rule that is silently dropped is
 *       one that somebody relies on.
 */

interface RuleBase {
  /** How long the condition must hold before it fires, in seconds. Default 0. */
  readonly forSeconds?: number;
}

/** More than this share of the calls failed, by no fault of the caller. */
export interface ErrorRateRule extends RuleBase {
  readonly kind: "error_rate";
  /** 0 to 1. */
  readonly above: number;
  /** Only calls of this tool. Default: all together. */
  readonly tool?: string;
  /** Default 300; at most 3,600. */
  readonly windowSeconds?: number;
  /** Fewer calls than this are no rate. Default 20. */
  readonly minimumCalls?: number;
  /** Codes that are no failure of the server. Default {@link CALLERS_FAULTS}. */
  readonly ignore?: readonly string[];
}

/** The 95th percentile of a tool's durations is over its budget. */
export interface SlowRule extends RuleBase {
  readonly kind: "p95";
  readonly aboveMs: number;
  readonly tools: readonly string[];
  /** Default 300; at most 3,600. */
  readonly windowSeconds?: number;
  /** Fewer calls than this have no percentile. Default 20. */
  readonly minimumCalls?: number;
}

/** The store does not do what it should. */
export interface StoreRule extends RuleBase {
  readonly kind: "store_degraded";
}

/** Calls wait, and none has ended for `forSeconds` (default 60). */
export interface QueueRule extends RuleBase {
  readonly kind: "queue_stuck";
}

/** A circuit is open: something that tools depend on fails again and again. */
export interface CircuitRule extends RuleBase {
  readonly kind: "circuit_open";
}

/** One rule. */
export type AlertRule = ErrorRateRule | SlowRule | StoreRule | QueueRule | CircuitRule;

/** Rules by name. `false` takes a default away. */
export type AlertRules = Readonly<Record<string, AlertRule | false>>;

/** What the caller asked for or did wrong, or what the truth about an image is: none of it is a failure of the server. */
export const CALLERS_FAULTS: readonly string[] = [
  "CANCELLED",
  "INVALID_INPUT",
  "INVALID_REFERENCE",
  "PATH_DENIED",
  "NOT_FOUND",
  "CONFLICT",
  "UNSUPPORTED",
  "IMAGE_NOT_FOUND",
  "SESSION_NOT_FOUND",
  "SESSION_EXPIRED",
  "JOB_NOT_FOUND",
  "DOCKERFILE_INVALID",
  "BUILD_FAILED",
  "POLICY_DENIED",
  "CRITICAL_VULNS_FOUND",
  "SECRETS_FOUND",
];

/** The rules of a server that was told nothing. */
export const DEFAULT_ALERT_RULES: Readonly<Record<string, AlertRule>> = {
  "error-rate": { kind: "error_rate", above: 0.25 },
  "slow-questions": {
    kind: "p95",
    aboveMs: 1_000,
    tools: ["list_sessions", "get_session", "get_job", "cancel_job"],
  },
  "store-degraded": { kind: "store_degraded" },
  "queue-stuck": { kind: "queue_stuck", forSeconds: 60 },
  "circuit-open": { kind: "circuit_open" },
};

/** The longest window, and how far back is remembered. */
export const LONGEST_WINDOW_SECONDS = 3_600;

type Check = (value: unknown) => string | null;

const number =
  (least: number, most: number): Check =>
  (value) =>
    typeof value === "number" && value >= least && value <= most ? null : `must be a number from ${least} to ${most}`;
const tool: Check = (value) =>
  typeof value === "string" && /^[a-z][a-z0-9_]{0,63}$/.test(value) ? null : "must be the name of a tool";
const list =
  (what: string, check: Check, least: number): Check =>
  (value) =>
    Array.isArray(value) && value.length >= least && value.length <= 64 && value.every((item) => check(item) === null)
      ? null
      : `must be a list of ${what}`;
const code: Check = (value) => (typeof value === "string" && /^[A-Z_]{1,64}$/.test(value) ? null : "must be a code");

const COMMON = { forSeconds: number(0, 86_400) };
const WINDOWED = { ...COMMON, windowSeconds: number(10, LONGEST_WINDOW_SECONDS), minimumCalls: number(1, 1_000_000) };

const FIELDS: Readonly<Record<AlertRule["kind"], { readonly required: Fields; readonly optional: Fields }>> = {
  error_rate: { required: { above: number(0, 1) }, optional: { ...WINDOWED, tool, ignore: list("codes", code, 0) } },
  p95: { required: { aboveMs: number(1, 86_400_000), tools: list("names of tools", tool, 1) }, optional: WINDOWED },
  store_degraded: { required: {}, optional: COMMON },
  queue_stuck: { required: {}, optional: COMMON },
  circuit_open: { required: {}, optional: COMMON },
};

type Fields = Readonly<Record<string, Check>>;

/** What is wrong with a value that should be {@link AlertRules}: one sentence with its path for each mistake (A2). */
export function alertRuleProblems(value: unknown): readonly string[] {
  if (!isRecord(value)) return ["alerts must be rules by name"];
  return Object.entries(value).flatMap(([name, rule]) => {
    if (!/^[a-z][a-z0-9-]{0,63}$/.test(name)) return [`alerts.${name} must be named in lower case, e.g. slow-builds`];
    if (rule === false) return [];
    return isRecord(rule) ? ruleProblems(`alerts.${name}`, rule) : [`alerts.${name} must be a rule, or false`];
  });
}

function ruleProblems(path: string, rule: Readonly<Record<string, unknown>>): readonly string[] {
  const { kind, ...fields } = rule;
  const known = typeof kind === "string" && Object.hasOwn(FIELDS, kind) ? FIELDS[kind as AlertRule["kind"]] : undefined;
  if (known === undefined) return [`${path}.kind must be one of ${Object.keys(FIELDS).join(", ")}`];
  const missing = Object.keys(known.required).filter((name) => !Object.hasOwn(fields, name));
  const all: Fields = { ...known.required, ...known.optional };
  return [
    ...missing.map((name) => `${path}.${name} is missing`),
    ...Object.entries(fields).flatMap(([name, value]) => {
      const check = Object.hasOwn(all, name) ? all[name] : undefined;
      if (check === undefined) return [`${path}.${name} is not known for ${String(kind)}`];
      const problem = check(value);
      return problem === null ? [] : [`${path}.${name} ${problem}`];
    }),
  ];
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
