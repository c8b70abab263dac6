import { mkdir } from "node:fs/promises";
import path from "node:path";
import type { Database, Storage } from "@container-kit/storage";
import { and, eq, inArray, sql } from "drizzle-orm";
import { fail } from "./errors.ts";
import { jobs } from "./tables.ts";
import type { Job, Timestamp, WorkStatus } from "./types.ts";

/** How a job or an execution ended, as far as it is known. */
export interface Ending {
  readonly status: WorkStatus;
  readonly endedAt: Timestamp | null;
}

/** What a job is when it begins. */
interface NewJob {
  readonly id: string;
  readonly sessionId: string;
  readonly executionId: string;
  readonly owner: number;
  readonly tool: string;
  readonly startedAt: Timestamp;
}

/** The jobs of all sessions. */
export interface Jobs {
  start(job: NewJob): Promise<void>;
  end(id: string, ending: Ending): Promise<void>;
  progress(id: string, progress: NonNullable<Job["progress"]>): void;
  ofSession(sessionId: string): readonly Job[];
  /** Ends what an owner left running as its execution ended, or as interrupted; says how many were. Inside a write of the state. */
  interrupt(owner: number, endingOf: (executionId: string) => Ending | undefined): number;
  /** @throws JOB_NOT_FOUND */
  folder(id: string): Promise<string>;
}

export function createJobs(storage: Storage): Jobs {
  const { state } = storage;
  const prepared = prepare(state);
  return {
    async start(job) {
      await state.write(() => prepared.insert.run({ ...job }));
    },
    async end(id, ending) {
      await state.write(() => prepared.end.run({ id, ...ending }));
    },
    progress(id, progress) {
      state.writeSoon(`job:${id}`, () => prepared.progress.run({ id, ...progress }));
    },
    ofSession(sessionId) {
      return state.read(() => prepared.ofSession.all({ sessionId })).map(toJob);
    },
    interrupt(owner, endingOf) {
      let interrupted = 0;
      for (const { id, executionId } of prepared.running.all({ owner })) {
        const ending = endingOf(executionId) ?? { status: "interrupted", endedAt: null };
        prepared.end.run({ id, ...ending });
        if (ending.status === "interrupted") interrupted += 1;
      }
      return interrupted;
    },
    async folder(id) {
      // Only an id that is in the table becomes part of a path.
      const known = state.read(() => prepared.find.get({ id }));
      if (known === undefined) throw fail("JOB_NOT_FOUND", `there is no job ${JSON.stringify(id.slice(0, 64))}`);
      const folder = path.join(storage.folder, "jobs", known.id);
      await mkdir(folder, { recursive: true, mode: 0o700 });
      return folder;
    },
  };
}

function prepare({ statements }: Database) {
  const named = eq(jobs.id, sql.placeholder("id"));
  return {
    insert: statements
      .insert(jobs)
      .values({
        id: sql.placeholder("id"),
        sessionId: sql.placeholder("sessionId"),
        executionId: sql.placeholder("executionId"),
        owner: sql.placeholder("owner"),
        tool: sql.placeholder("tool"),
        status: "running",
        startedAt: sql.placeholder("startedAt"),
      })
      .prepare(),
    end: statements
      .update(jobs)
      .set({ status: sql`${sql.placeholder("status")}`, endedAt: sql`${sql.placeholder("endedAt")}` })
      // A process that was taken for dead and was not has the last word; an end that was seen stays.
      .where(and(named, inArray(jobs.status, ["running", "interrupted"])))
      .prepare(),
    progress: statements
      .update(jobs)
      .set({
        progressMessage: sql`${sql.placeholder("message")}`,
        progressCurrent: sql`${sql.placeholder("current")}`,
        progressTotal: sql`${sql.placeholder("total")}`,
      })
      .where(and(named, eq(jobs.status, "running")))
      .prepare(),
    ofSession: statements
      .select()
      .from(jobs)
      .where(eq(jobs.sessionId, sql.placeholder("sessionId")))
      .orderBy(jobs.startedAt, sql`rowid`)
      .prepare(),
    running: statements
      .select({ id: jobs.id, executionId: jobs.executionId })
      .from(jobs)
      .where(and(eq(jobs.owner, sql.placeholder("owner")), sql`${jobs.status} = 'running'`))
      .prepare(),
    find: statements.select({ id: jobs.id }).from(jobs).where(named).prepare(),
  };
}

function toJob(row: typeof jobs.$inferSelect): Job {
  const { owner: _owner, progressMessage, progressCurrent, progressTotal, ...job } = row;
  const progress =
    progressMessage === null ? null : { message: progressMessage, current: progressCurrent, total: progressTotal };
  return { ...job, progress };
}
