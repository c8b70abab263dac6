/**
 * The durable record of sessions, jobs, tool executions and errors.
 *
 * @packageDocumentation
 */

// Opening: the record on an open storage.
export { createSessionStore } from "./session-store.ts";
export type { SessionCompanion, SessionStore, SessionStoreOptions } from "./types.ts";

// Keeping: how the record's tables come of the journal, for the program that keeps them.
export { sessionProjection } from "./projection.ts";

// Reading: what was recorded.
export type {
  DeletedSession,
  ExecutionStatus,
  HistoryQuery,
  InterruptedWork,
  Job,
  JobProgress,
  JobStatus,
  RecordedError,
  Session,
  SessionDetails,
  SessionSummary,
  Statistics,
  StatisticsQuery,
  Timestamp,
  ToolExecution,
  ToolStatistics,
  TrendPoint,
  Workspace,
} from "./types.ts";

// Recording: what the runtime says of an execution, and what it promises.
export type {
  ClaimedJob,
  ExecutionEnd,
  ExecutionStart,
  IdempotencyClaim,
  JobLease,
  NewSession,
  StartedExecution,
  UndoTask,
} from "./types.ts";

// Failing: the codes of this package.
export { sessionErrors } from "./errors.ts";
