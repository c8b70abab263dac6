/**
 * The durable record of sessions, jobs, tool executions and errors.
 *
 * @packageDocumentation
 */

// Opening: the record on an open storage.
export { createSessionStore } from "./session-store.ts";
export type { SessionStore, SessionStoreOptions } from "./types.ts";

// Reading: what was recorded.
export type {
  InterruptedWork,
  Job,
  RecordedError,
  Session,
  SessionDetails,
  SessionSummary,
  Timestamp,
  ToolExecution,
  WorkStatus,
} from "./types.ts";

// Recording: what the runtime says of an execution.
export type { ExecutionEnd, ExecutionStart, IdempotencyClaim, StartedExecution } from "./types.ts";

// Failing: the codes of this package.
export { sessionErrors } from "./errors.ts";
