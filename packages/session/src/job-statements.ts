import type { Database } from "@container-kit/storage";
import { and, asc, desc, eq, inArray, sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import { jobs } from "./state-tables.ts";
import type { Change, Query } from "./statement.ts";

/** A row of the jobs' table. */
export type JobRow = typeof jobs.$inferSelect;

const id = sql.placeholder("id");
const fence = sql.placeholder("fence");
const now = sql.placeholder("now");
const owner = sql.placeholder("owner");
const named = eq(jobs.id, id);
/** Only who shows the newest fence, and only while the job runs. */
const held = and(named, eq(jobs.fence, fence), eq(jobs.status, sql`'running'`));

/** The statements on jobs. Each change is one, and says by what it returns whether it was made. */
export interface JobStatements {
  readonly insert: Change;
  readonly find: Query<JobRow>;
  readonly ofSession: Query<JobRow>;
  readonly running: Query<JobRow>;
  readonly cancelRequests: Query<Pick<JobRow, "id">>;
  readonly link: Query<Pick<JobRow, "id">>;
  readonly renew: Query<Pick<JobRow, "cancelRequested">>;
  readonly progress: Change;
  readonly end: Query<Pick<JobRow, "id">>;
  readonly requestCancel: Query<JobRow>;
  readonly claim: Query<JobRow>;
  /** Only if the owner gave no sign since it was looked at. */
  readonly abandon: Query<JobRow>;
}

/** Builds them, once. */
export function prepareJobs({ statements }: Database): JobStatements {
  return {
    ...prepareChanges({ statements }),
    ...prepareHandOver({ statements }),
    insert: statements.insert(jobs).values(everyColumn()).prepare(),
    find: statements.select().from(jobs).where(named).prepare(),
    ofSession: statements
      .select()
      .from(jobs)
      .where(eq(jobs.sessionId, sql.placeholder("sessionId")))
      .orderBy(asc(jobs.createdAt), sql`rowid`)
      .prepare(),
    running: statements
      .select()
      .from(jobs)
      .where(eq(jobs.status, sql`'running'`))
      .prepare(),
    cancelRequests: statements
      .select({ id: jobs.id })
      .from(jobs)
      .where(and(eq(jobs.owner, owner), eq(jobs.status, sql`'running'`), sql`${jobs.cancelRequested} = 1`))
      .prepare(),
  };
}

function prepareChanges({ statements }: Pick<Database, "statements">) {
  const current = sql.placeholder("current");
  return {
    renew: statements
      .update(jobs)
      .set({ beat: sql`${jobs.beat} + 1`, heartbeatAt: sql`${now}` })
      .where(held)
      .returning({ cancelRequested: jobs.cancelRequested })
      .prepare(),
    link: statements
      .update(jobs)
      .set({ executionId: sql`${sql.placeholder("executionId")}` })
      .where(held)
      .returning({ id: jobs.id })
      .prepare(),
    progress: statements
      .update(jobs)
      .set({
        progressMessage: sql`${sql.placeholder("message")}`,
        // max() of a null is null: then whichever is there.
        progressCurrent: sql`coalesce(max(${jobs.progressCurrent}, ${current}), ${jobs.progressCurrent}, ${current})`,
        progressTotal: sql`coalesce(${sql.placeholder("total")}, ${jobs.progressTotal})`,
      })
      .where(held)
      .prepare(),
    end: statements
      .update(jobs)
      .set({
        status: sql`${sql.placeholder("status")}`,
        outcome: sql`${sql.placeholder("outcome")}`,
        endedAt: sql`max(${now}, ${jobs.startedAt})`,
      })
      .where(held)
      .returning({ id: jobs.id })
      .prepare(),
    requestCancel: statements
      .update(jobs)
      .set({
        status: sql`iif(${jobs.status} = 'pending', 'cancelled', ${jobs.status})`,
        endedAt: sql`iif(${jobs.status} = 'pending', ${now}, NULL)`,
        cancelRequested: sql`1`,
      })
      .where(and(named, inArray(jobs.status, ["pending", "running"])))
      .returning()
      .prepare(),
  };
}

function prepareHandOver({ statements }: Pick<Database, "statements">) {
  const tools = sql.placeholder("tools");
  const isWanted = sql`(${tools} IS NULL OR ${jobs.tool} IN (SELECT value FROM json_each(${tools})))`;
  const oldest = sql`(SELECT ${jobs.id} FROM ${jobs} WHERE ${jobs.status} = 'pending' AND ${isWanted}
    ORDER BY ${jobs.createdAt}, rowid LIMIT 1)`;
  return {
    claim: statements
      .update(jobs)
      .set({
        status: sql`'running'`,
        owner: sql`${owner}`,
        fence: sql`${jobs.fence} + 1`,
        beat: sql`${jobs.beat} + 1`,
        startedAt: sql`${now}`,
        heartbeatAt: sql`${now}`,
      })
      .where(sql`${jobs.id} = ${oldest}`)
      .returning()
      .prepare(),
    abandon: statements
      .update(jobs)
      .set({
        status: sql`${sql.placeholder("status")}`,
        fence: sql`${jobs.fence} + 1`,
        endedAt: sql`${sql.placeholder("endedAt")}`,
      })
      .where(and(held, eq(jobs.beat, sql.placeholder("beat"))))
      .returning()
      .prepare(),
  };
}

/** Jobs in a list, the newest first. */
export function selectJobs(
  { statements }: Database,
  query: { readonly sessionId?: string | undefined; readonly active: boolean; readonly limit: number },
): readonly JobRow[] {
  const conditions: (SQL | undefined)[] = [
    query.sessionId === undefined ? undefined : eq(jobs.sessionId, query.sessionId),
    // Two literals, so that the partial indexes are used.
    query.active ? sql`(${jobs.status} = 'running' OR ${jobs.status} = 'pending')` : undefined,
  ];
  return statements
    .select()
    .from(jobs)
    .where(and(...conditions))
    .orderBy(desc(jobs.createdAt), sql`rowid DESC`)
    .limit(query.limit)
    .all();
}

function everyColumn() {
  return {
    id,
    sessionId: sql.placeholder("sessionId"),
    executionId: sql.placeholder("executionId"),
    owner,
    tool: sql.placeholder("tool"),
    status: sql.placeholder("status"),
    fence,
    beat: 0,
    cancelRequested: false,
    work: sql.placeholder("work"),
    createdAt: now,
    startedAt: sql.placeholder("startedAt"),
    heartbeatAt: sql.placeholder("startedAt"),
  };
}
