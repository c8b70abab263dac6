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

/** A session store in memory that a test may look into, and may break by replacing a method. */
export interface FakeSessionStore extends SessionStore {
  readonly executions: RecordedExecution[];
  readonly keys: Map<string, Key>;
  readonly kept: Job["progress"][];
  readonly opened: string[];
}

const session = (id: string): Session => ({ id, createdAt: 0, lastUsedAt: 0, expiresAt: 86_400_000 });
const unused = () => Promise.reject(new Error("the runtime does not ask this"));

export function fakeSessionStore(): FakeSessionStore {
  const executions: RecordedExecution[] = [];
  const keys = new Map<string, Key>();
  const kept: Job["progress"][] = [];
  const opened: string[] = [];

  return {
    executions,
    keys,
    kept,
    opened,
    location: "memory",
    openSession: () => {
      opened.push(`s${opened.length + 1}`);
      return Promise.resolve(session(`s${opened.length}`));
    },
    touchSession: (id) =>
      opened.includes(id)
        ? Promise.resolve(session(id))
        : Promise.reject(fail("SESSION_NOT_FOUND", `there is no session ${id}`)),
    listSessions: unused,
    getSession: unused,
    startExecution(start): Promise<StartedExecution> {
      const id = `e${executions.length + 1}`;
      const jobId = start.job ? `j${executions.length + 1}` : null;
      executions.push({ ...start, id, jobId, end: undefined });
      return Promise.resolve({ id, jobId, startedAt: 0 });
    },
    endExecution(id, end) {
      const execution = executions.find((candidate) => candidate.id === id);
      if (execution === undefined) return Promise.reject(new Error(`no execution ${id}`));
      execution.end = end;
      return Promise.resolve();
    },
    reportProgress(_jobId, progress) {
      kept.push(progress);
      return Promise.resolve();
    },
    claimIdempotencyKey(key, fingerprint, executionId): Promise<IdempotencyClaim> {
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
    settleIdempotencyKey(key, outcome) {
      const known = keys.get(key);
      if (known !== undefined) known.outcome = JSON.parse(JSON.stringify(outcome));
      return Promise.resolve();
    },
    releaseIdempotencyKey(key) {
      keys.delete(key);
      return Promise.resolve();
    },
    recoverInterrupted: () => Promise.resolve({ executions: 0, jobs: 0 }),
    jobFolder: (jobId) => Promise.resolve(`/jobs/${jobId}`),
  };
}
