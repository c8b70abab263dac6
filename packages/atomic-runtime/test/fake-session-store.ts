import { defineErrors } from "@container-kit/errors";
import type {
  ExecutionEnd,
  ExecutionStart,
  IdempotencyClaim,
  Job,
  Session,
  SessionStore,
  StartedExecution,
} from "@container-kit/session";

const fail = defineErrors({
  SESSION_NOT_FOUND: {
    category: "session",
    summary: "No such session.",
    remedy: "Leave sessionId out.",
    retryable: false,
    fault: "caller",
  },
});

interface RecordedExecution extends ExecutionStart {
  readonly id: string;
  readonly jobId: string | null;
  end: ExecutionEnd | undefined;
}

interface Key {
  readonly fingerprint: string;
  readonly executionId: string;
  outcome: unknown;
}

interface EndedJob {
  readonly jobId: string;
  readonly status: string;
  readonly outcome: unknown;
}

/** A session store in memory that a test may look into, and may break by replacing a method: for faults only. */
export interface FakeSessionStore extends SessionStore {
  readonly executions: RecordedExecution[];
  readonly keys: Map<string, Key>;
  readonly kept: Job["progress"][];
  readonly opened: string[];
  readonly endedJobs: EndedJob[];
  /** The notes for undoing, by execution. */
  readonly notes: Map<string, unknown[]>;
  /** How often an undoing was said to have failed, by execution. */
  readonly undoFailures: Map<string, number>;
}

const session = (id: string): Session => ({
  id,
  createdAt: 0,
  lastUsedAt: 0,
  expiresAt: 86_400_000,
  labels: {},
  metadata: {},
});
const unused = () => Promise.reject(new Error("the runtime does not ask this"));

type Unused = Omit<SessionStore, keyof ReturnType<typeof used>>;

const notAsked: Unused = {
  findSession: unused,
  expireSession: unused,
  labelSession: unused,
  describeSession: unused,
  listSessions: unused,
  getSession: unused,
  exportSession: unused,
  deleteSession: unused,
  workspace: unused,
  history: unused,
  errors: unused,
  statistics: unused,
  queueJob: unused,
  claimJob: unused,
  requestCancel: unused,
  getJob: unused,
  listJobs: unused,
  undoNotes: unused,
  prune: unused,
};

function used() {
  const executions: RecordedExecution[] = [];
  const keys = new Map<string, Key>();
  const kept: Job["progress"][] = [];
  const opened: string[] = [];
  const endedJobs: EndedJob[] = [];
  const notes = new Map<string, unknown[]>();
  const undoFailures = new Map<string, number>();

  return {
    executions,
    keys,
    kept,
    opened,
    endedJobs,
    notes,
    undoFailures,
    location: "memory",
    openSession: () => {
      opened.push(`s${opened.length + 1}`);
      return Promise.resolve(session(`s${opened.length}`));
    },
    touchSession: (id: string) =>
      opened.includes(id)
        ? Promise.resolve(session(id))
        : Promise.reject(fail("SESSION_NOT_FOUND", `there is no session ${id}`)),
    startExecution(start: ExecutionStart): Promise<StartedExecution> {
      const id = `e${executions.length + 1}`;
      const jobId = start.job ? `j${executions.length + 1}` : null;
      executions.push({ ...start, id, jobId, end: undefined });
      return Promise.resolve({ id, lease: jobId === null ? null : { jobId, fence: 1 }, startedAt: 0 });
    },
    endExecution(id: string, end: ExecutionEnd) {
      const execution = executions.find((candidate) => candidate.id === id);
      if (execution === undefined) return Promise.reject(new Error(`no execution ${id}`));
      execution.end = end;
      return Promise.resolve();
    },
    adoptJob: (executionId: string) => Promise.resolve({ jobId: `j-${executionId}`, fence: 1 }),
    renewJob: () => Promise.resolve({ cancelRequested: false }),
    cancelRequests: () => Promise.resolve([] as readonly string[]),
    endJob(lease: { readonly jobId: string }, end: { readonly status: string; readonly outcome: unknown }) {
      endedJobs.push({ jobId: lease.jobId, ...end });
      return Promise.resolve();
    },
    reportProgress(_lease: unknown, progress: NonNullable<Job["progress"]>) {
      kept.push(progress);
    },
    claimIdempotencyKey(key: string, fingerprint: string, executionId: string): Promise<IdempotencyClaim> {
      const known = keys.get(key);
      if (known === undefined) {
        keys.set(key, { fingerprint, executionId, outcome: undefined });
        return Promise.resolve({ state: "claimed" });
      }
      if (known.fingerprint !== fingerprint) return Promise.resolve({ state: "mismatch" });
      return Promise.resolve(
        known.outcome === undefined
          ? { state: "pending", executionId: known.executionId }
          : { state: "settled", outcome: known.outcome },
      );
    },
    settleIdempotencyKey(key: string, outcome: unknown) {
      const known = keys.get(key);
      if (known !== undefined) known.outcome = JSON.parse(JSON.stringify(outcome));
      return Promise.resolve();
    },
    releaseIdempotencyKey(key: string) {
      keys.delete(key);
      return Promise.resolve();
    },
    noteUndo(executionId: string, note: unknown) {
      notes.set(executionId, [note, ...(notes.get(executionId) ?? [])]);
      return Promise.resolve();
    },
    clearUndo(executionId: string) {
      notes.delete(executionId);
      return Promise.resolve();
    },
    failUndo(executionId: string) {
      undoFailures.set(executionId, (undoFailures.get(executionId) ?? 0) + 1);
      return Promise.resolve();
    },
    claimUndoTasks: () => Promise.resolve([]),
    recoverInterrupted: () => Promise.resolve({ executions: 0, jobs: 0 }),
    jobFolder: (jobId: string) => Promise.resolve(`/jobs/${jobId}`),
  };
}

export function fakeSessionStore(): FakeSessionStore {
  return { ...notAsked, ...used() };
}
