import type { Statistics, ToolStatistics, TrendPoint } from "@container-kit/session";
import { toLine } from "../../../text/plain.ts";
import { table } from "../../../text/table.ts";
import type { Command } from "../../command.ts";
import { withStore } from "./with-store.ts";
import { at, rateOf, took } from "./words.ts";

interface StatsArguments {
  readonly session?: string;
  readonly tool?: string;
}

const MOST_ERRORS = 10;

/** `sessions stats`: how often and how fast, by tool; trends; what failed. */
export const showStatistics: Command<StatsArguments> = ({ session, tool }, context) =>
  withStore(context, async ({ sessions }) => {
    // A session that nobody has would look like one in which nothing happened.
    if (session !== undefined) await sessions.getSession(session, { executions: 1 });
    const found = await sessions.statistics({
      ...(session === undefined ? {} : { sessionId: session }),
      ...(tool === undefined ? {} : { tool }),
    });
    context.output.text(found.count === 0 ? "Nothing was executed yet." : describe(found));
    context.output.document(found);
  });

function describe(found: Statistics): string {
  const tools = Object.entries(found.tools).toSorted(([, a], [, b]) => b.count - a.count);
  const rows = tools.map(([name, counted]) => rowOf(name, counted));
  const parts = [
    table(
      ["tool", "calls", "completed", "failed", "cancelled", "interrupted", "success", "p50", "p95", "p99"],
      tools.length === 1 ? rows : [...rows, rowOf("all", found)],
    ),
    ...(found.perMinute === null
      ? []
      : [`${Math.round(found.perMinute * 10) / 10} calls a minute over the last hour with any`]),
    ...trend("hour", found.hours),
    ...trend("day", found.days),
    ...errorsOf(found),
  ];
  return parts.join("\n\n");
}

function rowOf(name: string, counted: ToolStatistics): string[] {
  const { count, completed, failed, cancelled, interrupted, p50, p95, p99 } = counted;
  const amounts = [count, completed, failed, cancelled, interrupted].map(String);
  return [name, ...amounts, rateOf(counted), took(p50), took(p95), took(p99)];
}

function trend(unit: string, points: readonly TrendPoint[]): string[] {
  const used = points.filter(({ count }) => count > 0);
  if (used.length === 0) return [];
  return [
    table(
      [unit, "calls", "failed", "p95"],
      used.map(({ from, count, failed, p95 }) => [at(from), `${count}`, `${failed}`, took(p95)]),
    ),
  ];
}

function errorsOf({ errors, lastError }: Statistics): string[] {
  if (errors.length === 0) return [];
  const rows = errors.slice(0, MOST_ERRORS).map(({ code, count, lastAt }) => [code, `${count}`, at(lastAt)]);
  const last =
    lastError === null
      ? []
      : [`last error: ${toLine(`${lastError.tool} ${lastError.code}: ${lastError.message}`, 120)}`];
  return [table(["error", "count", "last"], rows), ...last];
}
