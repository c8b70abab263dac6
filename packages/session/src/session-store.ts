/**
 * The durable record, put together from its parts.
 *
 * - S1  What begins is recorded before its effect, what ends before it is answered.
 * - S2  A job and its execution lie in different files. The execution's row comes first at both ends, and recovery
 *       ends a job as its execution ended: a death in between leaves nothing that contradicts.
 * - S3  Uses of a session and the progress of a job are written a moment later, many in one go: they may be lost.
 */
import { toErrorResult } from "@container-kit/errors";
import type { Storage } from "@container-kit/storage";
import { createExecutions } from "./executions.ts";
import type { Executions } from "./executions.ts";
import { createIdempotencyKeys } from "./idempotency.ts";
import type { IdempotencyKeys } from "./idempotency.ts";
import { newJobId } from "./ids.ts";
import { createJobs } from "./jobs.ts";
import type { Jobs } from "./jobs.ts";
import { sessionSchema } from "./migrations.ts";
import { createOwners } from "./owners.ts";
import type { Owners } from "./owners.ts";
import { createSessions } from "./sessions.ts";
import type {
  ExecutionStart,
  InterruptedWork,
  RecordedError,
  SessionStore,
  SessionStoreOptions,
  StartedExecution,
  Timestamp,
  ToolExecution,
} from "./types.ts";

const SESSION_LIFETIME_MS = 24 * 60 * 60 * 1000;
const SESSIONS_PER_PAGE = 50;

/**
 * Makes the record of sessions on an open storage, which stays its caller's to close.
 * Brings the tables up to date first, and blocks until that is done.
 *
 * @throws STORE_UNAVAILABLE when a newer program has used the store: it was not touched. STORE_BUSY STORE_FULL
 */
export function createSessionStore(storage: Storage, options: SessionStoreOptions = {}): SessionStore {
  const { clock = Date.now, sessionLifetimeMs = SESSION_LIFETIME_MS } = options;
  storage.migrate(sessionSchema);
  const { state, record } = storage;
  const sessions = createSessions(state, sessionLifetimeMs);
  const jobs = createJobs(storage);
  const executions = createExecutions(record);
  const owners = createOwners(state, () => executions.reserve(clock()));
  const keys = createIdempotencyKeys(state, owners);
  const parts: Parts = { storage, owners, jobs, executions, keys };
  return {
    location: state.path,
    openSession: () => sessions.open(clock()),
    touchSession: async (id) => sessions.touch(id, clock()),
    async listSessions({ limit = SESSIONS_PER_PAGE, before = Number.MAX_SAFE_INTEGER } = {}) {
      return sessions.list(limit, before).map((session) => ({ ...session, ...executions.summarize(session.id) }));
    },
    async getSession(id) {
      const session = sessions.get(id);
      const happened = executions.ofSession(id);
      return { ...session, jobs: jobs.ofSession(id), executions: happened, errors: happened.flatMap(toRecordedError) };
    },
    startExecution: (start) => startExecution(parts, start, clock()),
    async endExecution(id, end) {
      const endedAt = clock();
      const jobId = await executions.end(id, end, endedAt);
      if (jobId !== null) await jobs.end(jobId, { status: end.status, endedAt });
      owners.advance(() => executions.unendedFrom());
    },
    reportProgress: async (jobId, progress) => jobs.progress(jobId, progress),
    claimIdempotencyKey: (key, fingerprint, executionId) => keys.claim({ key, fingerprint, executionId }, clock()),
    settleIdempotencyKey: (key, outcome) => keys.settle(key, outcome),
    releaseIdempotencyKey: (key) => keys.release(key),
    recoverInterrupted: () => recoverInterrupted(parts),
    jobFolder: (jobId) => jobs.folder(jobId),
  };
}

interface Parts {
  readonly storage: Storage;
  readonly owners: Owners;
  readonly jobs: Jobs;
  readonly executions: Executions;
  readonly keys: IdempotencyKeys;
}

async function startExecution(parts: Parts, start: ExecutionStart, startedAt: Timestamp): Promise<StartedExecution> {
  const { owners, jobs, executions } = parts;
  const owner = await owners.key();
  const jobId = start.job ? newJobId() : null;
  const id = await executions.start(start, { owner, jobId, startedAt });
  if (jobId === null) return { id, jobId, startedAt };
  const { sessionId, tool } = start;
  try {
    await jobs.start({ id: jobId, sessionId, executionId: id, owner, tool, startedAt });
  } catch (error) {
    // The caller hears why; without this the record would show the execution as running for as long as the process lives.
    await executions.end(id, { status: "failed", error: toErrorResult(error) }, startedAt).catch(() => null);
    throw error;
  }
  return { id, jobId, startedAt };
}

async function recoverInterrupted({ storage, owners, jobs, executions, keys }: Parts): Promise<InterruptedWork> {
  const found = { executions: 0, jobs: 0 };
  for (const { key, from } of owners.findDead()) {
    found.executions += await executions.interrupt(key, from);
    // Last and in one transaction: if this process dies too, the next one finds the owner again.
    found.jobs += await storage.state.write(() => {
      const interrupted = jobs.interrupt(key, (executionId) => executions.endingOf(executionId));
      keys.releaseAll(key);
      owners.forget(key);
      return interrupted;
    });
  }
  return found;
}

function toRecordedError({ id, sessionId, tool, error, startedAt, endedAt }: ToolExecution): readonly RecordedError[] {
  if (error === null) return [];
  const { code, message } = error;
  return [{ executionId: id, sessionId, tool, code, message, at: endedAt ?? startedAt }];
}
