/**
 * Counts that answer questions without counting: collected over a batch, then written once for each row they touch.
 *
 * - N1  An execution is counted by the moment of its start, which both of its entries know: so a later end corrects
 *       the row that the start went into.
 */
import type { Database } from "@container-kit/storage";
import { and, eq, sql } from "drizzle-orm";
import { addHistogram, bucketOf, formatHistogram, parseHistogram } from "./histogram.ts";
import type { Histogram } from "./histogram.ts";
import { errorCounts, summaries } from "./record-tables.ts";
import type { ExecutionStatus, Timestamp } from "./types.ts";

/** The lengths of the spans that are kept. */
export const HOUR_MS = 60 * 60 * 1000;
export const DAY_MS = 24 * HOUR_MS;

/** The scope of what is counted over all time. */
export const ALL = "all";

/** Which execution is counted. */
export interface Counted {
  readonly id: string;
  readonly sessionId: string;
  readonly tool: string;
  readonly startedAt: Timestamp;
}

/** How an execution ended, for the counts. */
interface CountedEnd {
  readonly status: ExecutionStatus;
  readonly durationMs: number | null;
}

type SummaryRow = Omit<typeof summaries.$inferSelect, "histogram"> & { readonly histogram: Histogram };
type Tally = { -readonly [Key in keyof SummaryRow]: SummaryRow[Key] };
type Key = Pick<Tally, "scope" | "at" | "tool">;

const ENDS = ["completed", "failed", "cancelled", "interrupted"] as const;

/** Collects what a batch changes; {@link SummaryWriter} writes it. */
export class SummaryChanges {
  readonly tallies = new Map<string, Tally>();
  readonly errors = new Map<string, typeof errorCounts.$inferSelect>();

  started(execution: Counted): void {
    this.#each(execution, (tally) => (tally.count += 1));
  }

  /** @param before how it stood until now: `interrupted` gives way to an end that was seen */
  ended(execution: Counted, end: CountedEnd, before: ExecutionStatus): void {
    const { status, durationMs } = end;
    this.#each(execution, (tally) => {
      if (before !== "running") tally[before] -= 1;
      if (status !== "running") tally[status] += 1;
      if (durationMs === null) return;
      tally.totalMs += durationMs;
      tally.maxMs = Math.max(tally.maxMs, durationMs);
      const bucket = bucketOf(durationMs);
      tally.histogram.set(bucket, (tally.histogram.get(bucket) ?? 0) + 1);
    });
  }

  erred({ sessionId, tool }: Counted, code: string, at: Timestamp): void {
    for (const scope of [ALL, sessionId]) {
      const key = `${scope} ${code} ${tool}`;
      const { count = 0, lastAt = at } = this.errors.get(key) ?? {};
      this.errors.set(key, { scope, tool, code, count: count + 1, lastAt: Math.max(lastAt, at) });
    }
  }

  #each({ id, sessionId, tool, startedAt }: Counted, change: (tally: Tally) => void): void {
    const spans = [
      { scope: ALL, at: 0 },
      { scope: sessionId, at: 0 },
      { scope: "hour", at: startedAt - (startedAt % HOUR_MS) },
      { scope: "day", at: startedAt - (startedAt % DAY_MS) },
    ];
    for (const span of spans) {
      const key = `${span.scope} ${span.at} ${tool}`;
      const tally = this.tallies.get(key) ?? emptyTally({ ...span, tool }, startedAt);
      this.tallies.set(key, tally);
      tally.firstAt = Math.min(tally.firstAt, startedAt);
      tally.lastAt = Math.max(tally.lastAt, startedAt);
      if (tally.lastId < id) tally.lastId = id;
      change(tally);
    }
  }
}

/** Writes changes with one connection. */
export class SummaryWriter {
  readonly #prepared: ReturnType<typeof prepare>;

  constructor(database: Pick<Database, "statements">) {
    this.#prepared = prepare(database);
  }

  /** Inside a transaction of the record. */
  write({ tallies, errors }: SummaryChanges): void {
    for (const tally of tallies.values()) {
      const { scope, at, tool } = tally;
      const row = this.#prepared.find.get({ scope, at, tool });
      if (row !== undefined) addRow(tally, row);
      this.#prepared.write.run({ ...tally, histogram: formatHistogram(tally.histogram) });
    }
    for (const row of errors.values()) this.#prepared.addErrors.run({ ...row });
  }
}

function emptyTally(key: Key, startedAt: Timestamp): Tally {
  const counts = { count: 0, completed: 0, failed: 0, cancelled: 0, interrupted: 0 };
  const times = { totalMs: 0, maxMs: 0, firstAt: startedAt, lastAt: startedAt, lastId: "" };
  return { ...key, ...counts, ...times, histogram: new Map() };
}

function addRow(tally: Tally, row: typeof summaries.$inferSelect): void {
  tally.count += row.count;
  for (const end of ENDS) tally[end] = Math.max(0, tally[end] + row[end]);
  tally.totalMs += row.totalMs;
  tally.maxMs = Math.max(tally.maxMs, row.maxMs);
  tally.firstAt = Math.min(tally.firstAt, row.firstAt);
  tally.lastAt = Math.max(tally.lastAt, row.lastAt);
  if (tally.lastId < row.lastId) tally.lastId = row.lastId;
  const histogram = parseHistogram(row.histogram);
  addHistogram(histogram, tally.histogram);
  tally.histogram = histogram;
}

function prepare({ statements }: Pick<Database, "statements">) {
  const key = {
    scope: sql.placeholder("scope"),
    at: sql.placeholder("at"),
    tool: sql.placeholder("tool"),
  };
  const names = ["count", ...ENDS, "totalMs", "maxMs", "firstAt", "lastAt", "lastId", "histogram"] as const;
  const values = Object.fromEntries(names.map((name) => [name, sql.placeholder(name)]));
  const updates = Object.fromEntries(names.map((name) => [name, sql.raw(`excluded.${summaries[name].name}`)]));
  return {
    find: statements
      .select()
      .from(summaries)
      .where(and(eq(summaries.scope, key.scope), eq(summaries.at, key.at), eq(summaries.tool, key.tool)))
      .prepare(),
    write: statements
      .insert(summaries)
      .values({ ...key, ...values } as unknown as typeof summaries.$inferInsert)
      .onConflictDoUpdate({ target: [summaries.scope, summaries.at, summaries.tool], set: updates })
      .prepare(),
    addErrors: statements
      .insert(errorCounts)
      .values({
        scope: key.scope,
        tool: key.tool,
        code: sql.placeholder("code"),
        count: sql.placeholder("count"),
        lastAt: sql.placeholder("lastAt"),
      })
      .onConflictDoUpdate({
        target: [errorCounts.scope, errorCounts.tool, errorCounts.code],
        set: {
          count: sql`${errorCounts.count} + excluded.count`,
          lastAt: sql`max(${errorCounts.lastAt}, excluded.last_at)`,
        },
      })
      .prepare(),
  };
}
