/**
 * Counts, rates and percentiles from the summaries: as fast on a million executions as on ten.
 * Every function expects that the tables were brought up to date.
 */
import type { RecordLog } from "@container-kit/storage";
import { and, between, desc, eq, inArray, lte, sql } from "drizzle-orm";
import { addHistogram, parseHistogram, percentiles } from "./histogram.ts";
import type { Histogram } from "./histogram.ts";
import type { History } from "./history.ts";
import { errorCounts, summaries } from "./record-tables.ts";
import { ALL, DAY_MS, HOUR_MS } from "./summaries.ts";
import type { SessionSummary, Statistics, StatisticsQuery, Timestamp, ToolStatistics, TrendPoint } from "./types.ts";

const HOURS_SHOWN_MS = 24 * HOUR_MS;
const DAYS_SHOWN_MS = 30 * DAY_MS;
const MINUTE_MS = 60_000;

type Row = typeof summaries.$inferSelect;
type SummaryCounts = Pick<SessionSummary, "executions" | "failures" | "lastTool">;

/** Reads the summaries. */
export interface Analytics {
  statistics(query: StatisticsQuery, now: Timestamp): Statistics;
  /** What a list shows of each session. */
  summarize(sessionIds: readonly string[]): (sessionId: string) => SummaryCounts;
}

export function createAnalytics(record: RecordLog, history: History): Analytics {
  return {
    statistics(query, now) {
      const { sessionId, tool } = query;
      const scope = sessionId ?? ALL;
      const rows = record.read(() => selectRows(record, { scope, tool, from: 0, to: 0 }));
      const spans = (name: string, from: number): readonly Row[] =>
        sessionId === undefined ? record.read(() => selectRows(record, { scope: name, tool, from, to: now })) : [];
      const hours = spans("hour", now - HOURS_SHOWN_MS);
      const latest = sessionId === undefined ? record.read(() => selectLatestHour(record, tool, now)) : [];
      const [lastError = null] = history.errors({ ...pick(query), limit: 1 });
      return {
        ...summarize(rows),
        tools: Object.fromEntries(rows.map((row) => [row.tool, summarize([row])])),
        perMinute: sessionId === undefined ? rateOfHour(latest, now) : rateOverall(rows),
        hours: toTrend(hours),
        days: toTrend(spans("day", now - DAYS_SHOWN_MS)),
        errors: record.read(() => selectErrorCounts(record, scope, tool)),
        lastError,
      };
    },
    summarize(sessionIds) {
      const bySession = groupBy(
        record.read(() => selectSessions(record, sessionIds)),
        ({ scope }) => scope,
      );
      return (sessionId) => toCounts(bySession.get(sessionId) ?? []);
    },
  };
}

function pick({ sessionId, tool }: StatisticsQuery): StatisticsQuery {
  return { ...(sessionId === undefined ? {} : { sessionId }), ...(tool === undefined ? {} : { tool }) };
}

function selectRows(
  { statements }: RecordLog,
  {
    scope,
    tool,
    from,
    to,
  }: { readonly scope: string; readonly tool: string | undefined; readonly from: Timestamp; readonly to: Timestamp },
): readonly Row[] {
  return statements
    .select()
    .from(summaries)
    .where(
      and(
        eq(summaries.scope, scope),
        between(summaries.at, from, to),
        tool === undefined ? undefined : eq(summaries.tool, tool),
      ),
    )
    .orderBy(summaries.at, summaries.tool)
    .all();
}

/** Up to now: a clock that was ahead for a moment may have made later ones. */
function selectLatestHour({ statements }: RecordLog, tool: string | undefined, now: Timestamp): readonly Row[] {
  const ofTool = tool === undefined ? undefined : eq(summaries.tool, tool);
  const latest = statements
    .select({ at: sql`max(${summaries.at})` })
    .from(summaries)
    .where(and(eq(summaries.scope, "hour"), lte(summaries.at, now), ofTool));
  return statements
    .select()
    .from(summaries)
    .where(and(eq(summaries.scope, "hour"), sql`${summaries.at} = ${latest}`, ofTool))
    .all();
}

function selectSessions({ statements }: RecordLog, sessionIds: readonly string[]) {
  return statements
    .select({
      scope: summaries.scope,
      tool: summaries.tool,
      count: summaries.count,
      failed: summaries.failed,
      lastId: summaries.lastId,
    })
    .from(summaries)
    .where(and(inArray(summaries.scope, [...sessionIds]), eq(summaries.at, 0)))
    .all();
}

function selectErrorCounts({ statements }: RecordLog, scope: string, tool: string | undefined): Statistics["errors"] {
  const total = sql<number>`sum(${errorCounts.count})`;
  return statements
    .select({ code: errorCounts.code, count: total, lastAt: sql<number>`max(${errorCounts.lastAt})` })
    .from(errorCounts)
    .where(and(eq(errorCounts.scope, scope), tool === undefined ? undefined : eq(errorCounts.tool, tool)))
    .groupBy(errorCounts.code)
    .orderBy(desc(total), errorCounts.code)
    .all();
}

function toCounts(
  rows: readonly { readonly tool: string; count: number; failed: number; lastId: string }[],
): SummaryCounts {
  let last = rows[0];
  for (const row of rows) if (last !== undefined && row.lastId > last.lastId) last = row;
  return {
    executions: sum(rows, ({ count }) => count),
    failures: sum(rows, ({ failed }) => failed),
    lastTool: last?.tool ?? null,
  };
}

function summarize(rows: readonly Row[]): ToolStatistics {
  const completed = sum(rows, (row) => row.completed);
  const failed = sum(rows, (row) => row.failed);
  const longest = rows.reduce((most, { maxMs }) => Math.max(most, maxMs), 0);
  // A bucket's middle may lie above all that is in it.
  const [p50 = null, p95 = null, p99 = null] = percentiles(mergeHistograms(rows), [0.5, 0.95, 0.99]).map((each) =>
    each === null ? null : Math.min(each, longest),
  );
  return {
    count: sum(rows, (row) => row.count),
    completed,
    failed,
    cancelled: sum(rows, (row) => row.cancelled),
    interrupted: sum(rows, (row) => row.interrupted),
    successRate: completed + failed === 0 ? null : completed / (completed + failed),
    p50,
    p95,
    p99,
    totalMs: Math.round(sum(rows, (row) => row.totalMs) * 1000) / 1000,
  };
}

function toTrend(rows: readonly Row[]): readonly TrendPoint[] {
  return [...groupBy(rows, ({ at }) => at)].map(([from, each]) => ({
    from,
    count: sum(each, ({ count }) => count),
    failed: sum(each, ({ failed }) => failed),
    p95: percentiles(mergeHistograms(each), [0.95])[0] ?? null,
  }));
}

/** The hour that is not over yet counts for the minutes that it has had. */
function rateOfHour(rows: readonly Row[], now: Timestamp): number | null {
  const [first] = rows;
  if (first === undefined) return null;
  const elapsed = Math.min(HOUR_MS, Math.max(MINUTE_MS, now - first.at));
  return perMinute(rows, elapsed);
}

function rateOverall(rows: readonly Row[]): number | null {
  if (rows.length === 0) return null;
  const first = Math.min(...rows.map(({ firstAt }) => firstAt));
  const last = Math.max(...rows.map(({ lastAt }) => lastAt));
  return perMinute(rows, Math.max(MINUTE_MS, last - first));
}

function perMinute(rows: readonly Row[], elapsedMs: number): number {
  const rate = (sum(rows, ({ count }) => count) * MINUTE_MS) / elapsedMs;
  return Math.round(rate * 1000) / 1000;
}

function mergeHistograms(rows: readonly Row[]): Histogram {
  const merged: Histogram = new Map();
  for (const { histogram } of rows) addHistogram(merged, parseHistogram(histogram));
  return merged;
}

function sum<Item>(items: readonly Item[], of: (item: Item) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}

function groupBy<Item, Key>(items: readonly Item[], of: (item: Item) => Key): ReadonlyMap<Key, readonly Item[]> {
  const groups = new Map<Key, Item[]>();
  for (const item of items) {
    const group = groups.get(of(item));
    if (group === undefined) groups.set(of(item), [item]);
    else group.push(item);
  }
  return groups;
}
