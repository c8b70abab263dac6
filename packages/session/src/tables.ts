/**
 * What the two files hold. The state file has what was promised: sessions, jobs, idempotency keys and the
 * processes that own them. The record file has what happened, as appends: one row when an execution begins,
 * one when it ends.
 *
 * A change here is a further step in migrations.ts.
 */
import { integer, real, sqliteTable, text } from "drizzle-orm/sqlite-core";
import type { WorkStatus } from "./types.ts";

const STATUSES = [
  "running",
  "completed",
  "failed",
  "cancelled",
  "interrupted",
] as const satisfies readonly WorkStatus[];

export const sessions = sqliteTable("sessions", {
  id: text("id").primaryKey(),
  createdAt: integer("created_at").notNull(),
  lastUsedAt: integer("last_used_at").notNull(),
});

/** The processes that have work in these files. */
export const owners = sqliteTable("owners", {
  key: integer("key").primaryKey({ autoIncrement: true }),
  pid: integer("pid").notNull(),
  processStart: text("process_start"),
  bootId: text("boot_id"),
  /** All of the owner's executions have this key or a higher one. */
  firstSeq: integer("first_seq").notNull(),
  /** All of the owner's executions below this key have ended; it lags behind. */
  unendedFrom: integer("unended_from").notNull(),
});

export const jobs = sqliteTable("jobs", {
  id: text("id").primaryKey(),
  sessionId: text("session_id").notNull(),
  executionId: text("execution_id").notNull(),
  owner: integer("owner").notNull(),
  tool: text("tool").notNull(),
  status: text("status", { enum: STATUSES }).notNull(),
  progressMessage: text("progress_message"),
  progressCurrent: real("progress_current"),
  progressTotal: real("progress_total"),
  startedAt: integer("started_at").notNull(),
  endedAt: integer("ended_at"),
});

export const idempotencyKeys = sqliteTable("idempotency_keys", {
  key: text("key").primaryKey(),
  fingerprint: text("fingerprint").notNull(),
  executionId: text("execution_id").notNull(),
  owner: integer("owner").notNull(),
  /** JSON; null while the execution is not done. */
  outcome: text("outcome"),
  claimedAt: integer("claimed_at").notNull(),
});

export const executionStarts = sqliteTable("execution_starts", {
  seq: integer("seq").primaryKey(),
  sessionId: text("session_id").notNull(),
  jobId: text("job_id"),
  owner: integer("owner").notNull(),
  tool: text("tool").notNull(),
  correlationId: text("correlation_id").notNull(),
  dryRun: integer("dry_run", { mode: "boolean" }).notNull(),
  input: text("input").notNull(),
  startedAt: integer("started_at").notNull(),
});

export const executionEnds = sqliteTable("execution_ends", {
  seq: integer("seq").primaryKey(),
  status: text("status", { enum: STATUSES }).notNull(),
  result: text("result"),
  error: text("error"),
  /** Null when nobody saw the end. */
  endedAt: integer("ended_at"),
});
