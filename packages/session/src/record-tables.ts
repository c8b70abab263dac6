/**
 * What happened, as the journals told it: one row for each execution, one for each error, and counts of them.
 * Only the projection writes these. A change here is a further step in record-schema.ts.
 */
import { integer, primaryKey, real, sqliteTable, text } from "drizzle-orm/sqlite-core";
import type { ExecutionStatus } from "./types.ts";

const STATUSES = [
  "running",
  "completed",
  "failed",
  "cancelled",
  "interrupted",
] as const satisfies readonly ExecutionStatus[];

export const executions = sqliteTable("executions", {
  id: text("id").primaryKey(),
  sessionId: text("session_id").notNull(),
  jobId: text("job_id"),
  owner: integer("owner").notNull(),
  tool: text("tool").notNull(),
  correlationId: text("correlation_id").notNull(),
  parent: text("parent"),
  dryRun: integer("dry_run", { mode: "boolean" }).notNull(),
  attempts: integer("attempts").notNull(),
  /** JSON. */
  input: text("input").notNull(),
  status: text("status", { enum: STATUSES }).notNull(),
  /** JSON. */
  result: text("result"),
  startedAt: integer("started_at").notNull(),
  /** Null when nobody saw the end. */
  endedAt: integer("ended_at"),
  durationMs: real("duration_ms"),
});

export const errors = sqliteTable("errors", {
  executionId: text("execution_id").primaryKey(),
  sessionId: text("session_id").notNull(),
  jobId: text("job_id"),
  tool: text("tool").notNull(),
  status: text("status", { enum: STATUSES }).notNull(),
  code: text("code").notNull(),
  /** JSON of the whole error. */
  error: text("error").notNull(),
  /** JSON: messages, the nearest cause first. */
  causes: text("causes").notNull(),
  at: integer("at").notNull(),
});

/**
 * Counts of one tool, of all time (scope `all`, at 0), of an hour or a day that begins at `at` (`hour`, `day`), or
 * of a session (the session's id, at 0).
 */
export const summaries = sqliteTable(
  "summaries",
  {
    scope: text("scope").notNull(),
    at: integer("at").notNull(),
    tool: text("tool").notNull(),
    count: integer("count").notNull(),
    completed: integer("completed").notNull(),
    failed: integer("failed").notNull(),
    cancelled: integer("cancelled").notNull(),
    interrupted: integer("interrupted").notNull(),
    totalMs: real("total_ms").notNull(),
    maxMs: real("max_ms").notNull(),
    firstAt: integer("first_at").notNull(),
    lastAt: integer("last_at").notNull(),
    /** The highest id of an execution that is counted here. */
    lastId: text("last_id").notNull(),
    /** JSON, see histogram.ts. */
    histogram: text("histogram").notNull(),
  },
  (table) => [primaryKey({ columns: [table.scope, table.at, table.tool] })],
);

/** How often each code ended an execution: of all time (scope `all`) and of a session (its id). */
export const errorCounts = sqliteTable(
  "error_counts",
  {
    scope: text("scope").notNull(),
    tool: text("tool").notNull(),
    code: text("code").notNull(),
    count: integer("count").notNull(),
    lastAt: integer("last_at").notNull(),
  },
  (table) => [primaryKey({ columns: [table.scope, table.tool, table.code] })],
);

/** Sessions that were deleted: what the journals still tell of them is not taken. */
export const deletedSessions = sqliteTable("deleted_sessions", {
  sessionId: text("session_id").primaryKey(),
  at: integer("at").notNull(),
  /** Whether rows of it may be left. */
  hasRows: integer("has_rows", { mode: "boolean" }).notNull(),
});

/** One row: how many executions there are, since counting a large table is slow. */
export const recordSize = sqliteTable("record_size", {
  name: text("name").primaryKey(),
  count: integer("count").notNull(),
});
