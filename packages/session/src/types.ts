import type { ErrorResult } from "@container-kit/errors";

/** Milliseconds since the epoch, UTC. */
export type Timestamp = number;

/** How a tool execution stands. `interrupted`: its process died before it could say how it ended. */
export type ExecutionStatus = "running" | "completed" | "failed" | "cancelled" | "interrupted";

/** How a job stands: an execution's states, and `pending` before anybody has begun it. */
export type JobStatus = "pending" | ExecutionStatus;

/** A piece of a client's work that belongs together; an opaque id that the client hands back. */
export interface Session {
  readonly id: string;
  readonly createdAt: Timestamp;
  readonly lastUsedAt: Timestamp;
  readonly expiresAt: Timestamp;
  readonly labels: Readonly<Record<string, string>>;
  /** Plain JSON of whoever opened it. */
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** What a session may begin with. */
export interface NewSession {
  readonly labels?: Readonly<Record<string, string>>;
  readonly metadata?: Readonly<Record<string, unknown>>;
  /** How long after its last use it can be continued. Default 24 h. */
  readonly lifetimeMs?: number;
  /** The most that its workspace folder may hold. Default 1 GiB. */
  readonly diskQuotaBytes?: number;
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
  /** The execution or workflow step that asked for this one. */
  readonly parent: string | null;
  readonly dryRun: boolean;
  /** How often the tool was run for this one call; 1 without a retry. */
  readonly attempts: number;
  /** Redacted before it comes here. */
  readonly input: unknown;
  readonly status: ExecutionStatus;
  readonly result: unknown;
  readonly error: ErrorResult | null;
  readonly startedAt: Timestamp;
  readonly endedAt: Timestamp | null;
  readonly durationMs: number | null;
}

/** The last word about how far a job is. */
export interface JobProgress {
  readonly message: string;
  readonly current: number | null;
  readonly total: number | null;
}

/** One accepted request that outlives the call that asked for it; found again after a crash. */
export interface Job {
  readonly id: string;
  readonly sessionId: string;
  /** Null while nobody has begun it. */
  readonly executionId: string | null;
  readonly tool: string;
  readonly status: JobStatus;
  readonly progress: JobProgress | null;
  readonly createdAt: Timestamp;
  readonly startedAt: Timestamp | null;
  readonly endedAt: Timestamp | null;
  /** When its owner last said that it lives; null while pending. */
  readonly heartbeatAt: Timestamp | null;
  /** Somebody asked its owner to stop. */
  readonly cancelRequested: boolean;
  /** The whole outcome as the caller of a waiting call would have had it; null before the end and where nobody saw it. */
  readonly outcome: unknown;
}

/** The right to run a job: only who shows the newest `fence` may say anything of it. */
export interface JobLease {
  readonly jobId: string;
  readonly fence: number;
}

/** A job that this process has begun. */
export interface ClaimedJob extends Job {
  readonly lease: JobLease;
}

/** An error that ended an execution. */
export interface RecordedError {
  readonly executionId: string;
  readonly sessionId: string;
  readonly jobId: string | null;
  readonly tool: string;
  readonly code: string;
  readonly category: string;
  readonly stage: string | null;
  readonly message: string;
  readonly retryable: boolean;
  /** Messages of the causes, the nearest first. */
  readonly causes: readonly string[];
  readonly details: unknown;
  readonly at: Timestamp;
}

/** A session with everything that happened in it, oldest first. */
export interface SessionDetails extends Session {
  readonly jobs: readonly Job[];
  /** The newest, at most as many as were asked for. */
  readonly executions: readonly ToolExecution[];
  readonly errors: readonly RecordedError[];
  readonly statistics: Statistics;
  /** How many older executions are not in `executions`. */
  readonly omitted: number;
}

/** What an execution begins with. */
export interface ExecutionStart {
  readonly sessionId: string;
  readonly tool: string;
  readonly correlationId: string;
  readonly parent?: string | undefined;
  readonly dryRun: boolean;
  readonly input: unknown;
  /** Whether it is a job from the beginning: durable work, or a call that does not wait. */
  readonly job: boolean;
  /** Of a claimed job that this execution runs; `job` makes no other one then. */
  readonly lease?: JobLease | undefined;
}

/** An execution that has begun and is recorded. */
export interface StartedExecution {
  readonly id: string;
  readonly lease: JobLease | null;
  readonly startedAt: Timestamp;
}

/** How an execution ended. `attempts` is 1 unless it says otherwise. */
export type ExecutionEnd = { readonly attempts?: number } & (
  | { readonly status: "completed"; readonly result: unknown }
  | {
      readonly status: "failed" | "cancelled";
      readonly error: ErrorResult;
      /** Messages of the causes, redacted, the nearest first. */
      readonly causes?: readonly string[];
    }
);

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

/** What an interrupted or failed execution made and has not undone yet, newest first. */
export interface UndoTask {
  readonly executionId: string;
  readonly sessionId: string;
  readonly tool: string;
  readonly notes: readonly unknown[];
  /** How often its undoing was tried and failed. */
  readonly attempts: number;
}

/** Which executions are asked for; newest first, a page at a time. */
export interface HistoryQuery {
  readonly sessionId?: string;
  readonly tool?: string;
  readonly status?: ExecutionStatus;
  /** Default 50, at most 1,000. */
  readonly limit?: number;
  /** The id that a page ended with: the next begins below it. */
  readonly before?: string;
}

/** What counts are asked for: all tools of all sessions unless it says otherwise. One session's come without trends. */
export interface StatisticsQuery {
  readonly sessionId?: string;
  readonly tool?: string;
  /** How far back the trends reach; the hours are kept for 7 days, the days for 400. Default 24 h and 30 days. */
  readonly now?: Timestamp;
}

/** How often and how fast. Durations in milliseconds; percentiles are within 5% of the exact value. */
export interface ToolStatistics {
  readonly count: number;
  readonly completed: number;
  readonly failed: number;
  readonly cancelled: number;
  readonly interrupted: number;
  /** Completed of those that ended by themselves, 0 to 1; null where none did. */
  readonly successRate: number | null;
  readonly p50: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
  readonly totalMs: number;
}

/** One hour or day of a trend. */
export interface TrendPoint {
  readonly from: Timestamp;
  readonly count: number;
  readonly failed: number;
  readonly p95: number | null;
}

/** The counts of a session, of a tool, or of everything. */
export interface Statistics extends ToolStatistics {
  readonly tools: Readonly<Record<string, ToolStatistics>>;
  /** Executions per minute over the last hour in which there was one; of a session, from its first to its last; null where there was none. */
  readonly perMinute: number | null;
  /** Empty for one session: trends are kept for tools. */
  readonly hours: readonly TrendPoint[];
  readonly days: readonly TrendPoint[];
  /** By code, the most frequent first. */
  readonly errors: readonly { readonly code: string; readonly count: number; readonly lastAt: Timestamp }[];
  readonly lastError: RecordedError | null;
}

/** What was removed with a session. */
export interface DeletedSession {
  readonly id: string;
  readonly jobs: number;
  readonly executions: number;
}

/** The folder of a session. */
export interface Workspace {
  readonly folder: string;
  readonly usedBytes: number;
  readonly quotaBytes: number;
}

/** The durable record. One instance per process; several processes may share the files. */
export interface SessionStore {
  /** Opens a new session; it expires 24 h after its last use. @throws INVALID_INPUT for a label that is none */
  openSession(start?: NewSession): Promise<Session>;
  /** The session, or undefined; does not count as a use. */
  findSession(id: string): Promise<Session | undefined>;
  /** Finds a session and marks it as used. @throws SESSION_NOT_FOUND SESSION_EXPIRED */
  touchSession(id: string): Promise<Session>;
  /** Ends a session now: it can be read, not continued. @throws SESSION_NOT_FOUND */
  expireSession(id: string): Promise<void>;
  /** Sets labels, and removes those whose value is null. @throws SESSION_NOT_FOUND INVALID_INPUT */
  labelSession(id: string, labels: Readonly<Record<string, string | null>>): Promise<Session>;
  /** Sets members of the metadata, and removes those whose value is null. @throws SESSION_NOT_FOUND INVALID_INPUT (over 64 KiB) */
  describeSession(id: string, metadata: Readonly<Record<string, unknown>>): Promise<Session>;
  /** Newest use first. `selector` as Kubernetes writes it: `a=b,c!=d,e,!f,g in (x,y)`. @throws INVALID_INPUT */
  listSessions(options?: {
    readonly limit?: number;
    readonly before?: Timestamp;
    readonly selector?: string;
  }): Promise<readonly SessionSummary[]>;
  /** @throws SESSION_NOT_FOUND */
  getSession(id: string, options?: { readonly executions?: number }): Promise<SessionDetails>;
  /** Everything of a session as one JSON value, whole. @throws SESSION_NOT_FOUND */
  exportSession(id: string): Promise<Readonly<Record<string, unknown>>>;
  /**
   * Removes a session with its jobs, executions, errors, keys and folders, and with what companions keep of it.
   * @throws SESSION_NOT_FOUND CONFLICT while a job of it runs. What a companion threw: the session is gone all the same.
   */
  deleteSession(id: string): Promise<DeletedSession>;
  /** The session's folder, made when asked for. @throws SESSION_NOT_FOUND; CONFLICT when it holds more than its quota */
  workspace(id: string): Promise<Workspace>;

  /**
   * Records that an execution begins, before its effect begins.
   * @throws STORE_FULL STORE_UNAVAILABLE before anything happened. CONFLICT when the lease is no longer its holder's
   */
  startExecution(start: ExecutionStart): Promise<StartedExecution>;
  /** Records how it ended, before the caller is answered. */
  endExecution(id: string, end: ExecutionEnd): Promise<void>;
  history(query?: HistoryQuery): Promise<readonly ToolExecution[]>;
  errors(query?: HistoryQuery): Promise<readonly RecordedError[]>;
  /** Counts, rates and percentiles; from summaries, whatever the size of the record. */
  statistics(query?: StatisticsQuery): Promise<Statistics>;

  /** Makes a job of an execution that runs already. */
  adoptJob(executionId: string, job: { readonly sessionId: string; readonly tool: string }): Promise<JobLease>;
  /** Puts a job into the queue, where {@link claimJob} of any process finds it. `work` is plain JSON for whoever runs it. */
  queueJob(job: { readonly sessionId: string; readonly tool: string; readonly work: unknown }): Promise<Job>;
  /** Begins the oldest pending job, or says that there is none. No job is given out twice. */
  claimJob(options?: {
    readonly tools?: readonly string[];
  }): Promise<(ClaimedJob & { readonly work: unknown }) | undefined>;
  /**
   * Says that the owner lives, and learns whether it should stop. Called every few seconds; without it others mark the
   * job as interrupted once its lease of 30 s has run out.
   * @throws CONFLICT when the job was taken from this owner, or has ended
   */
  renewJob(lease: JobLease): Promise<{ readonly cancelRequested: boolean }>;
  /** Keeps the last progress of a job, which never goes back; cheap, and may be dropped by a crash. */
  reportProgress(lease: JobLease, progress: JobProgress): void;
  /** Ends a job. @throws CONFLICT when the job was taken from this owner, or has ended: then nothing is written */
  endJob(
    lease: JobLease,
    end: { readonly status: "completed" | "failed" | "cancelled"; readonly outcome: unknown },
  ): Promise<void>;
  /** Asks a job's owner, in whichever process, to stop; a pending one ends here. @throws JOB_NOT_FOUND */
  requestCancel(jobId: string): Promise<Job>;
  /** Cheap: the leases of this process that somebody asked to stop. */
  cancelRequests(): Promise<readonly string[]>;
  /** The job; one whose owner is gone is marked as interrupted first. @throws JOB_NOT_FOUND */
  getJob(jobId: string): Promise<Job>;
  listJobs(query?: {
    readonly sessionId?: string;
    /** Only those that are pending or running. */
    readonly active?: boolean;
    readonly limit?: number;
  }): Promise<readonly Job[]>;
  /** The folder for a job's log and other large material, made when asked for. @throws JOB_NOT_FOUND */
  jobFolder(jobId: string): Promise<string>;

  /** Keeps what an execution is about to make, durably, so that it can be undone after any death. Plain JSON without secrets. */
  noteUndo(executionId: string, note: unknown): Promise<void>;
  /** What is to be undone of one execution, newest first. */
  undoNotes(executionId: string): Promise<readonly unknown[]>;
  /** Forgets them: the execution is complete, or all is undone. */
  clearUndo(executionId: string): Promise<void>;
  /** Notes that an undoing failed, so that it is tried again at a later start. */
  failUndo(executionId: string): Promise<void>;
  /** What dead processes left to be undone. Each task is given to one process only. */
  claimUndoTasks(): Promise<readonly UndoTask[]>;

  /** Claims an idempotency key for one execution, or says what is known of it. `fingerprint` covers tool and input. */
  claimIdempotencyKey(key: string, fingerprint: string, executionId: string): Promise<IdempotencyClaim>;
  /** Keeps the outcome of a success, and in the same commit forgets what its execution would have had to undo. */
  settleIdempotencyKey(key: string, outcome: unknown): Promise<void>;
  /** Gives a claim up, so that a failed call may be repeated under the same key. */
  releaseIdempotencyKey(key: string): Promise<void>;

  /** Marks what dead processes left running as `interrupted`. Called at the start of a program, and now and then. */
  recoverInterrupted(): Promise<InterruptedWork>;
  /** Removes sessions that expired longer ago than `keepMs` (default 30 days) with all that is theirs, and old idempotency keys. */
  prune(options?: {
    readonly keepMs?: number;
    readonly signal?: AbortSignal;
  }): Promise<{ readonly sessions: number; readonly keys: number }>;
  /** Where the record is, for a person to find. */
  readonly location: string;
}

/** What another package keeps of sessions. */
export interface SessionCompanion {
  /** Its member in an exported session; none that an export has already. */
  readonly name: string;
  /**
   * Removes all of a session that was deleted. Asked again until it resolves, also for a session of which nothing is left,
   * and also by another process: every program that deletes or prunes sessions has the same companions.
   */
  removeSession(sessionId: string): Promise<void>;
  /** What the export is to hold, as plain JSON. */
  exportSession?(sessionId: string): Promise<unknown>;
}

/** How {@link createSessionStore} behaves. */
export interface SessionStoreOptions {
  /** The time, in milliseconds since the epoch; the system's by default. */
  readonly clock?: () => Timestamp;
  /** Milliseconds that only ever rise; the process's by default, or `clock` where only that is handed in. */
  readonly monotonicClock?: () => number;
  /** How long after its last use a session can be continued. Default 24 h. */
  readonly sessionLifetimeMs?: number;
  /** What other packages keep of a session: it goes with the session, also after a crash in between, and is exported with it. */
  readonly companions?: readonly SessionCompanion[];
  /** How long a job may be without a sign of its owner. Default 30 s. */
  readonly jobLeaseMs?: number;
}
