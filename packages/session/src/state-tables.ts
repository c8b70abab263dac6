/**
 * What was promised: sessions, jobs, idempotency keys, what is to be undone, and the processes that own it all.
 * A change here is a further step in state-schema.ts.
 */
import { integer, primaryKey, real, sqliteTable, text } from "drizzle-orm/sqlite-core";
import type { JobStatus } from "./types.ts";

const JOB_STATUSES = [
  "pending",
  "running",
  "completed",
  "failed",
  "cancelled",
  "interrupted",
] as const satisfies readonly JobStatus[];

export const sessions = sqliteTable("sessions", {
  id: text("id").primaryKey(),
  createdAt: integer("created_at").notNull(),
  lastUsedAt: integer("last_used_at").notNull(),
  /** JSON; the same as in {@link sessionLabels}, kept here so that the path of a call reads one row. */
  labels: text("labels").notNull(),
  /** JSON. */
  metadata: text("metadata").notNull(),
  /** Null: the default of whoever asks. */
  lifetimeMs: integer("lifetime_ms"),
  /** When somebody ended it; null while nobody has. */
  expiredAt: integer("expired_at"),
  diskQuota: integer("disk_quota"),
});

export const sessionLabels = sqliteTable(
  "session_labels",
  {
    sessionId: text("session_id").notNull(),
    key: text("key").notNull(),
    value: text("value").notNull(),
  },
  (table) => [primaryKey({ columns: [table.sessionId, table.key] })],
);

/** The processes that have work in these files. */
export const owners = sqliteTable("owners", {
  key: integer("key").primaryKey({ autoIncrement: true }),
  pid: integer("pid").notNull(),
  processStart: text("process_start"),
  bootId: text("boot_id"),
  namespace: text("namespace"),
  /** By which the storage asks after a process that cannot be seen. */
  journal: text("journal"),
});

export const jobs = sqliteTable("jobs", {
  id: text("id").primaryKey(),
  sessionId: text("session_id").notNull(),
  executionId: text("execution_id"),
  /** Null while pending. */
  owner: integer("owner"),
  tool: text("tool").notNull(),
  status: text("status", { enum: JOB_STATUSES }).notNull(),
  /** Rises with each change of hands. */
  fence: integer("fence").notNull(),
  /** Rises with each sign of the owner's life; nobody's clock. */
  beat: integer("beat").notNull(),
  progressMessage: text("progress_message"),
  progressCurrent: real("progress_current"),
  progressTotal: real("progress_total"),
  cancelRequested: integer("cancel_requested", { mode: "boolean" }).notNull(),
  /** JSON, for whoever claims it; null for a job that began with its execution. */
  work: text("work"),
  /** JSON; null before the end and where nobody saw it. */
  outcome: text("outcome"),
  createdAt: integer("created_at").notNull(),
  startedAt: integer("started_at"),
  heartbeatAt: integer("heartbeat_at"),
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
  /** Null where it is not known: before the end, and for another process's execution. */
  sessionId: text("session_id"),
  settledAt: integer("settled_at"),
});

/** Not bound to its session: what was made must be undone whatever became of the session. */
export const undoNotes = sqliteTable(
  "undo_notes",
  {
    executionId: text("execution_id").notNull(),
    seq: integer("seq").notNull(),
    sessionId: text("session_id").notNull(),
    tool: text("tool").notNull(),
    /** JSON. */
    note: text("note").notNull(),
    owner: integer("owner").notNull(),
    attempts: integer("attempts").notNull(),
  },
  (table) => [primaryKey({ columns: [table.executionId, table.seq] })],
);

/** Sessions that are gone, and whose executions and folders are not yet. */
export const deletions = sqliteTable("deletions", {
  sessionId: text("session_id").primaryKey(),
  /** JSON: the ids of its jobs, whose folders go too. */
  jobs: text("jobs").notNull(),
});
