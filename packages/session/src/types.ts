import type { ErrorResult } from "@container-kit/errors";

/** How a piece of work stands. `interrupted`: its process died before it could say how it ended. */
export type WorkStatus = "running" | "completed" | "failed" | "cancelled" | "interrupted";

/** Milliseconds since the epoch, UTC. */
export type Timestamp = number;

/** A piece of a client's work that belongs together; an opaque id that the client hands back. */
export interface Session {
  readonly id: string;
  readonly createdAt: Timestamp;
  readonly lastUsedAt: Timestamp;
  readonly expiresAt: Timestamp;
}

/** A session in a list. */
export interface SessionSummary extends Session {
  readonly executions: number;
  readonly failures: number;
  readonly lastTool: string | null;
}

/** One validated call of a tool with one outcome. */
export interface ToolExecution {
  readonly id: string;
  readonly sessionId: string;
  readonly jobId: string | null;
  readonly tool: string;
  readonly correlationId: string;
  readonly dryRun: boolean;
  /** Redacted before it comes here. */
  readonly input: unknown;
  readonly status: WorkStatus;
  readonly result: unknown;
  readonly error: ErrorResult | null;
  readonly startedAt: Timestamp;
  readonly endedAt: Timestamp | null;
  readonly durationMs: number | null;
}

/** One accepted request with an effect; found again after a crash. */
export interface Job {
  readonly id: string;
  readonly sessionId: string;
  readonly executionId: string;
  readonly tool: string;
  readonly status: WorkStatus;
  /** The last progress that was kept, or null. */
  readonly progress: {
    readonly message: string;
    readonly current: number | null;
    readonly total: number | null;
  } | null;
  readonly startedAt: Timestamp;
  readonly endedAt: Timestamp | null;
}

/** An error that ended an execution. */
export interface RecordedError {
  readonly executionId: string;
  readonly sessionId: string;
  readonly tool: string;
  readonly code: string;
  readonly message: string;
  readonly at: Timestamp;
}

/** A session with everything that happened in it, oldest first. */
export interface SessionDetails extends Session {
  readonly jobs: readonly Job[];
  readonly executions: readonly ToolExecution[];
  readonly errors: readonly RecordedError[];
}

/** What an execution begins with. */
export interface ExecutionStart {
  readonly sessionId: string;
  readonly tool: string;
  readonly correlationId: string;
  readonly dryRun: boolean;
  readonly input: unknown;
  /** Whether this is durable work that deserves a job: a build, a pull, a push. */
  readonly job: boolean;
}

/** An execution that has begun and is recorded. */
export interface StartedExecution {
  readonly id: string;
  readonly jobId: string | null;
  readonly startedAt: Timestamp;
}

/** How an execution ended. */
export type ExecutionEnd =
  | { readonly status: "completed"; readonly result: unknown }
  | { readonly status: "failed" | "cancelled"; readonly error: ErrorResult };

/** What is known of an idempotency key. */
export type IdempotencyClaim =
  | { readonly state: "claimed" }
  | { readonly state: "settled"; readonly outcome: unknown }
  /** Another execution holds the key and is not done (or died: then it is `claimed` anew). */
  | { readonly state: "pending"; readonly executionId: string }
  | { readonly state: "mismatch" };

/** What a process that died left behind. */
export interface InterruptedWork {
  readonly executions: number;
  readonly jobs: number;
}

/** The durable record. One instance per process; several processes may share the files. */
export interface SessionStore {
  /** Opens a new session; it expires 24 h after its last use. */
  openSession(): Promise<Session>;
  /** Finds a session and marks it as used. @throws SESSION_NOT_FOUND SESSION_EXPIRED */
  touchSession(id: string): Promise<Session>;
  /** Newest use first. */
  listSessions(options?: { readonly limit?: number; readonly before?: Timestamp }): Promise<readonly SessionSummary[]>;
  /** @throws SESSION_NOT_FOUND */
  getSession(id: string): Promise<SessionDetails>;
  /** Records that an execution begins, before its effect begins. */
  startExecution(start: ExecutionStart): Promise<StartedExecution>;
  /** Records how it ended, before the caller is answered. The job ends with it. */
  endExecution(id: string, end: ExecutionEnd): Promise<void>;
  /** Keeps the last progress of a job; cheap, and may be dropped by a crash. */
  reportProgress(jobId: string, progress: NonNullable<Job["progress"]>): Promise<void>;
  /** Claims an idempotency key for one execution, or says what is known of it. `fingerprint` covers tool and input. */
  claimIdempotencyKey(key: string, fingerprint: string, executionId: string): Promise<IdempotencyClaim>;
  settleIdempotencyKey(key: string, outcome: unknown): Promise<void>;
  /** Gives a claim up, so that a failed call may be repeated under the same key. */
  releaseIdempotencyKey(key: string): Promise<void>;
  /** Marks what dead processes left running as `interrupted`. Called once at the start of a program. */
  recoverInterrupted(): Promise<InterruptedWork>;
  /** The folder for a job's log and other large material, made when asked for. */
  jobFolder(jobId: string): Promise<string>;
  /** Where the record is, for a person to find. */
  readonly location: string;
}

/** How {@link createSessionStore} behaves. */
export interface SessionStoreOptions {
  /** The time, in milliseconds since the epoch; the system's by default. */
  readonly clock?: () => Timestamp;
  /** How long after its last use a session can be continued. Default 24 h. */
  readonly sessionLifetimeMs?: number;
}
