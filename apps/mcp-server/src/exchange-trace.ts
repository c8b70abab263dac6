/**
 * What happened in a session as a tree: which execution asked for which, what each took and left, and where its failure
 * went.
 *
 * - X1  Every execution is there exactly once: below the one that asked for it, or at the top where that one is none of
 *       the session's.
 * - X2  Nothing is invented: what an event does not tell is absent.
 */
import type { BusEvent } from "@container-kit/context-sharing";
import type { ToolExecution } from "@container-kit/session";

/** An entry that was taken or left. */
interface TracedEntry {
  readonly type: string;
  readonly key: string;
  readonly version: number;
  /** The tool and the execution that made it. */
  readonly tool: string;
  readonly executionId: string;
  /** The argument that it became. */
  readonly as?: string;
}

/** A decision about its failure. */
interface TracedDecision {
  readonly rule: string;
  readonly action: string;
  readonly toTool?: string;
  readonly reason: string;
}

/** One execution in its place. */
export interface TracedExecution {
  readonly executionId: string;
  readonly tool: string;
  readonly correlationId: string;
  readonly dryRun: boolean;
  readonly status: string;
  readonly startedAt: number;
  readonly durationMs: number | null;
  /** How often it was run for the one call. */
  readonly attempts: number;
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly used: readonly TracedEntry[];
  readonly produced: readonly TracedEntry[];
  readonly routing: readonly TracedDecision[];
  readonly children: readonly TracedExecution[];
}

/** @param executions oldest first */
export function traceExchange(
  executions: readonly ToolExecution[],
  events: readonly BusEvent[],
): readonly TracedExecution[] {
  const known = new Set(executions.map(({ id }) => id));
  const told = groupBy(events, ({ executionId }) => executionId ?? "");
  const below = groupBy(executions, ({ id, parent }) =>
    parent !== null && parent !== id && known.has(parent) ? parent : "",
  );
  const node = (execution: ToolExecution): TracedExecution => ({
    ...describe(execution, told.get(execution.id) ?? []),
    children: (below.get(execution.id) ?? []).map(node),
  });
  return (below.get("") ?? []).map(node);
}

function describe(execution: ToolExecution, events: readonly BusEvent[]): Omit<TracedExecution, "children"> {
  const { id, tool, correlationId, dryRun, status, startedAt, durationMs, attempts, error } = execution;
  const ended = events.findLast(({ type }) => type.startsWith("tool."))?.data ?? {};
  return {
    executionId: id,
    tool,
    correlationId,
    dryRun,
    status,
    startedAt,
    durationMs,
    attempts,
    error: error === null ? null : { code: error.code, message: error.message },
    used: listOf(ended["used"]),
    produced: listOf(ended["produced"]),
    routing: events
      .filter(({ type }) => type === "routing.decided")
      .map(({ data: { rule, action, toTool, reason } }) => ({
        rule: String(rule),
        action: String(action),
        reason: String(reason),
        ...(typeof toTool === "string" ? { toTool } : {}),
      })),
  };
}

function groupBy<Item>(items: readonly Item[], keyOf: (item: Item) => string): ReadonlyMap<string, readonly Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group === undefined) groups.set(keyOf(item), [item]);
    else group.push(item);
  }
  return groups;
}

/** What was written by this program, in this or an older version. */
function listOf(value: unknown): readonly TracedEntry[] {
  return Array.isArray(value) ? (value as readonly TracedEntry[]) : [];
}
