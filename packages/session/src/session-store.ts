import { toErrorResult } from "@container-kit/errors";
import type { Storage } from "@container-kit/storage";
import type { Executions } from "./executions.ts";
import { newJobId } from "./ids.ts";
import { sessionSchema } from "./migrations.ts";
import { createParts } from "./parts.ts";
import type { Parts } from "./parts.ts";
import { recoverInterrupted } from "./recovery.ts";
import { createKeeping } from "./session-keeping.ts";
import { createReading } from "./session-reading.ts";
import type { ExecutionStart, SessionStore, SessionStoreOptions, StartedExecution } from "./types.ts";

/**
 * Makes the record of sessions on an open storage, which stays its caller's to close.
 * Brings the tables up to date first, and blocks until that is done.
 *
 * @throws STORE_UNAVAILABLE when a newer program has used the store: it was not touched. STORE_BUSY STORE_FULL
 */
export function createSessionStore(storage: Storage, options: SessionStoreOptions = {}): SessionStore {
  storage.migrate(sessionSchema);
  const parts = createParts(storage, options);
  const { sessions, jobs, executions } = parts;
  return {
    location: storage.state.path,
    openSession: (start = {}) => sessions.open(start),
    findSession: async (id) => sessions.find(id),
    touchSession: async (id) => sessions.touch(id),
    expireSession: (id) => sessions.expire(id),
    labelSession: (id, labels) => sessions.label(id, labels),
    describeSession: (id, metadata) => sessions.describe(id, metadata),
    ...createReading(parts),
    ...createKeeping(parts),
    ...createPromises(parts),
    startExecution: (start) => startExecution(parts, start),
    async endExecution(id, end) {
      executions.end(id, end);
    },
    async adoptJob(executionId, { sessionId, tool }) {
      const id = newJobId();
      executions.adopt(executionId, id);
      return jobs.begin({ id, sessionId, tool, executionId });
    },
    queueJob: jobs.queueJob,
    claimJob: jobs.claimJob,
    renewJob: jobs.renewJob,
    reportProgress: jobs.reportProgress,
    endJob: jobs.endJob,
    requestCancel: jobs.requestCancel,
    cancelRequests: jobs.cancelRequests,
    getJob: jobs.getJob,
    listJobs: jobs.listJobs,
    async jobFolder(jobId) {
      jobs.assertThere(jobId);
      return parts.folders.makeJob(jobId);
    },
    recoverInterrupted: () => recoverInterrupted(parts),
  };
}

/** What outlives an execution: its idempotency key and what it would have to undo. */
function createPromises({
  storage,
  clocks,
  executions,
  history,
  keys,
  undo,
}: Parts): Pick<
  SessionStore,
  | "noteUndo"
  | "undoNotes"
  | "clearUndo"
  | "failUndo"
  | "claimUndoTasks"
  | "claimIdempotencyKey"
  | "settleIdempotencyKey"
  | "releaseIdempotencyKey"
> {
  return {
    async noteUndo(executionId, note) {
      const known = executions.running.get(executionId);
      if (known === undefined) throw new TypeError(`expected an execution that runs here, got ${executionId}`);
      await undo.add({ executionId, sessionId: known.sessionId, tool: known.tool }, note);
    },
    undoNotes: async (executionId) => undo.of(executionId),
    clearUndo: (executionId) => undo.clear(executionId),
    failUndo: (executionId) => undo.fail(executionId),
    async claimUndoTasks() {
      const tasks = await undo.claim();
      if (tasks.length === 0) return tasks;
      await storage.record.catchUp();
      const endings = history.endingsOf(tasks.map(({ executionId }) => executionId));
      const completed = new Set(
        tasks.flatMap(({ executionId }) => (endings.get(executionId)?.status === "completed" ? executionId : [])),
      );
      for (const executionId of completed) await undo.clear(executionId);
      return tasks.filter(({ executionId }) => !completed.has(executionId));
    },
    claimIdempotencyKey(key, fingerprint, executionId) {
      const sessionId = executions.running.get(executionId)?.sessionId ?? null;
      return keys.claim({ key, fingerprint, executionId, sessionId }, clocks.wall());
    },
    settleIdempotencyKey: (key, outcome) => keys.settle(key, outcome, clocks.wall()),
    releaseIdempotencyKey: (key) => keys.release(key),
  };
}

async function startExecution({ owners, jobs, executions }: Parts, start: ExecutionStart): Promise<StartedExecution> {
  const owner = owners.own ?? (await owners.key());
  const { sessionId, tool, lease: claimed } = start;
  const jobId = claimed?.jobId ?? (start.job ? newJobId() : undefined);
  const started = executions.start(start, { owner, jobId });
  if (jobId === undefined) return { ...started, lease: null };
  try {
    const lease = await (claimed === undefined
      ? jobs.begin({ id: jobId, sessionId, tool, executionId: started.id })
      : jobs.link(claimed, started.id));
    return { ...started, lease };
  } catch (error) {
    endQuietly(executions, started.id, error);
    throw error;
  }
}

/** The caller hears why; without this the record would show the execution as running for as long as the process lives. */
function endQuietly(executions: Executions, id: string, error: unknown): void {
  try {
    executions.end(id, { status: "failed", error: toErrorResult(error) });
  } catch {
    // The store takes nothing any more: the caller hears of that by the first error.
  }
}
