/**
 * Jobs: accepted work that outlives the call that asked for it.
 *
 *     pending -> running | cancelled          running -> completed | failed | cancelled | interrupted
 *
 * - J1  Every change is one statement with its condition in it, inside a write of the state: of several processes that
 *       want the same change, one makes it.
 * - J2  Nothing leaves an end, `interrupted` neither. Its owner may live after all: then it is refused by its fence, and
 *       only the execution's record may still tell how it went.
 * - J3  The fence rises with each claim and each interruption; renewing, reporting and ending take the newest one.
 * - J4  A job that was left ends as its execution ended, where that is known, and otherwise as `interrupted`.
 */
import type { Database } from "@container-kit/storage";
import type { Clocks } from "./clocks.ts";
import { fail, quote } from "./errors.ts";
import { newJobId } from "./ids.ts";
import { toClaimedJob, toJob } from "./job-row.ts";
import { prepareJobs, selectJobs } from "./job-statements.ts";
import type { JobRow, JobStatements } from "./job-statements.ts";
import { fromJsonText, toWholeJsonText } from "./json-text.ts";
import { createLeftJobs } from "./left-jobs.ts";
import type { JobParts, LeftJobs } from "./left-jobs.ts";
import { notFound } from "./sessions.ts";
import type { Job, JobLease, SessionStore, Timestamp } from "./types.ts";

const JOBS_PER_PAGE = 100;

/** A job that begins with its execution, or is given one. */
interface NewJob {
  readonly id: string;
  readonly sessionId: string;
  readonly tool: string;
  readonly executionId: string;
}

/** A row that is inserted, without what all begin with. */
type NewRow = Pick<
  JobRow,
  "id" | "sessionId" | "executionId" | "owner" | "tool" | "status" | "fence" | "work" | "startedAt"
> & {
  readonly now: Timestamp;
};

/** The jobs of the state file. */
export interface Jobs extends Pick<
  SessionStore,
  | "queueJob"
  | "claimJob"
  | "renewJob"
  | "reportProgress"
  | "endJob"
  | "requestCancel"
  | "cancelRequests"
  | "getJob"
  | "listJobs"
> {
  /** A job that runs from the beginning. @throws SESSION_NOT_FOUND */
  begin(job: NewJob): Promise<JobLease>;
  /** Notes which execution runs a claimed job. @throws CONFLICT as {@link SessionStore.endJob} does */
  link(lease: JobLease, executionId: string): Promise<JobLease>;
  ofSession(sessionId: string): Promise<readonly Job[]>;
  /** Ends what was left; says how many are interrupted by it. */
  endLeft(): Promise<number>;
  /** @throws JOB_NOT_FOUND */
  assertThere(id: string): void;
}

export function createJobs(parts: JobParts): Jobs {
  const { state, owners, clocks, hasSession } = parts;
  const prepared = prepareJobs(state);
  const left = createLeftJobs(parts, prepared);
  const insert = async (row: NewRow): Promise<void> => {
    await state.write(() => {
      if (!hasSession(row.sessionId)) throw notFound(row.sessionId);
      prepared.insert.run({ ...row });
    });
  };
  const find = (id: string): JobRow => {
    const row = state.read(() => prepared.find.get({ id }));
    if (row === undefined) throw fail("JOB_NOT_FOUND", `there is no job ${quote(id)}`);
    return row;
  };

  return {
    ...createLeases(state, prepared, clocks),
    async begin(job) {
      const owner = await owners.key();
      const now = clocks.wall();
      await insert({ ...job, owner, status: "running", fence: 1, work: null, now, startedAt: now });
      return { jobId: job.id, fence: 1 };
    },
    async queueJob({ sessionId, tool, work }) {
      const id = newJobId();
      const row = { id, sessionId, tool, work: toWholeJsonText(work), now: clocks.wall() };
      await insert({ ...row, status: "pending", fence: 0, executionId: null, owner: null, startedAt: null });
      return toJob(find(id));
    },
    async claimJob({ tools } = {}) {
      const owner = await owners.key();
      const values = { owner, tools: tools === undefined ? null : JSON.stringify(tools), now: clocks.wall() };
      const row = await state.write(() => prepared.claim.get(values));
      return row === undefined ? undefined : { ...toClaimedJob(row), work: fromJsonText(row.work) };
    },
    ...createReading({ state, owners, clocks, prepared, left, find }),
    assertThere: (id) => void find(id),
  };
}

/** What looking at jobs takes. */
interface ReadingParts extends Pick<JobParts, "state" | "owners" | "clocks"> {
  readonly prepared: JobStatements;
  readonly left: LeftJobs;
  /** @throws JOB_NOT_FOUND */
  readonly find: (id: string) => JobRow;
}

/** What anybody may ask of a job: wherever somebody looks, those that were left end first (J4). */
function createReading({
  state,
  owners,
  clocks,
  prepared,
  left,
  find,
}: ReadingParts): Pick<Jobs, "requestCancel" | "cancelRequests" | "getJob" | "listJobs" | "ofSession" | "endLeft"> {
  return {
    async requestCancel(id) {
      await left.settle([find(id)]);
      const row = await state.write(() => prepared.requestCancel.get({ id, now: clocks.wall() }));
      return toJob(row ?? find(id));
    },
    async cancelRequests() {
      const { own } = owners;
      return own === undefined ? [] : state.read(() => prepared.cancelRequests.all({ owner: own })).map(({ id }) => id);
    },
    async getJob(id) {
      state.flush();
      const [row = find(id)] = await left.settle([find(id)]);
      return toJob(row);
    },
    async listJobs({ sessionId, active = false, limit = JOBS_PER_PAGE } = {}) {
      state.flush();
      const rows = await left.settle(state.read(() => selectJobs(state, { sessionId, active, limit })));
      return rows.filter(({ endedAt, status }) => !active || (endedAt === null && status !== "interrupted")).map(toJob);
    },
    async ofSession(sessionId) {
      state.flush();
      return (await left.settle(state.read(() => prepared.ofSession.all({ sessionId })))).map(toJob);
    },
    endLeft: () => left.endAll(),
  };
}

/** What only the holder of a lease may do (J3). */
function createLeases(
  state: Database,
  prepared: JobStatements,
  clocks: Clocks,
): Pick<Jobs, "link" | "renewJob" | "reportProgress" | "endJob"> {
  const lost = ({ jobId }: JobLease): Error => {
    const status = prepared.find.get({ id: jobId })?.status;
    const what = status === undefined ? "was removed" : status === "running" ? "runs elsewhere" : `is ${status}`;
    return fail("CONFLICT", `job ${quote(jobId)} is no longer this owner's: it ${what}`, {
      remedy: "Stop working on it; read the job to see what became of it.",
      details: { jobId, ...(status === undefined ? {} : { status }) },
    });
  };
  return {
    async link(lease, executionId) {
      await state.write(() => {
        if (prepared.link.get({ id: lease.jobId, fence: lease.fence, executionId }) === undefined) throw lost(lease);
      });
      return lease;
    },
    async renewJob(lease) {
      return state.write(() => {
        const row = prepared.renew.get({ id: lease.jobId, fence: lease.fence, now: clocks.wall() });
        if (row === undefined) throw lost(lease);
        return row;
      });
    },
    reportProgress({ jobId, fence }, { message, current, total }) {
      const row = { id: jobId, fence, message, current: finite(current), total: finite(total) };
      state.writeSoon(`job:${jobId}`, () => prepared.progress.run(row));
    },
    async endJob(lease, { status, outcome }) {
      const row = {
        id: lease.jobId,
        fence: lease.fence,
        status,
        outcome: toWholeJsonText(outcome),
        now: clocks.wall(),
      };
      await state.write(() => {
        if (prepared.end.get(row) === undefined) throw lost(lease);
      });
    },
  };
}

function finite(value: number | null): number | null {
  return value !== null && Number.isFinite(value) ? value : null;
}
