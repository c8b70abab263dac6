import type { Database } from "@container-kit/storage";
import { and, eq, lte, ne, sql } from "drizzle-orm";
import { deletedSessions, errorCounts, errors, executions, recordSize, summaries } from "./record-tables.ts";
import type { Change, Query } from "./statement.ts";
import type { Timestamp } from "./types.ts";

const id = sql.placeholder("id");
const session = sql.placeholder("session");

/** What of an execution decides what an entry changes. */
export type KnownExecution = Pick<
  typeof executions.$inferSelect,
  "id" | "sessionId" | "jobId" | "tool" | "status" | "startedAt"
>;

/** The statements that write the tables of the record. */
export interface ProjectionStatements {
  readonly find: Query<KnownExecution>;
  readonly insert: Change;
  readonly end: Change;
  readonly setJob: Change;
  readonly insertError: Change;
  /** Counts executions that came or went. */
  readonly grow: Change;
  readonly size: Query<{ readonly count: number }>;
  readonly isDeleted: Query<{ readonly session: string }>;
  readonly noteDeleted: Change;
  readonly nextDeleted: Query<{ readonly session: string }>;
  readonly deletedIsGone: Change;
  readonly forgetDeleted: Change;
  readonly deleteExecutions: Change;
  readonly deleteErrors: Change;
  readonly deleteSummaries: Change;
  readonly deleteErrorCounts: Change;
  /** What still runs is not removed: its end would be lost. */
  readonly oldest: Query<{ readonly id: string; readonly startedAt: Timestamp }>;
  readonly removeUpTo: Change;
  readonly removeErrorsUpTo: Change;
  /** The oldest hour or day beyond those that are kept. */
  readonly removeSpan: Change;
}

/** Builds them, once for a connection. */
export function prepareProjection(database: Pick<Database, "statements">): ProjectionStatements {
  return {
    ...prepareExecutions(database),
    ...prepareRest(database),
    ...prepareDeletions(database),
    ...preparePruning(database),
  };
}

function prepareExecutions({ statements }: Pick<Database, "statements">) {
  return {
    find: statements
      .select({
        id: executions.id,
        sessionId: executions.sessionId,
        jobId: executions.jobId,
        tool: executions.tool,
        status: executions.status,
        startedAt: executions.startedAt,
      })
      .from(executions)
      .where(eq(executions.id, id))
      .prepare(),
    insert: statements
      .insert(executions)
      .values({
        id,
        sessionId: sql.placeholder("sessionId"),
        jobId: sql.placeholder("jobId"),
        owner: sql.placeholder("owner"),
        tool: sql.placeholder("tool"),
        correlationId: sql.placeholder("correlationId"),
        parent: sql.placeholder("parent"),
        dryRun: sql`${sql.placeholder("dryRun")}`,
        attempts: 1,
        input: sql.placeholder("input"),
        status: "running",
        startedAt: sql.placeholder("startedAt"),
      })
      .prepare(),
    end: statements
      .update(executions)
      .set({
        status: sql`${sql.placeholder("status")}`,
        attempts: sql`${sql.placeholder("attempts")}`,
        result: sql`${sql.placeholder("result")}`,
        endedAt: sql`${sql.placeholder("endedAt")}`,
        durationMs: sql`${sql.placeholder("durationMs")}`,
      })
      .where(eq(executions.id, id))
      .prepare(),
    setJob: statements
      .update(executions)
      .set({ jobId: sql`${sql.placeholder("job")}` })
      .where(eq(executions.id, id))
      .prepare(),
  };
}

function prepareRest({ statements }: Pick<Database, "statements">) {
  return {
    insertError: statements
      .insert(errors)
      .values({
        executionId: sql.placeholder("executionId"),
        sessionId: sql.placeholder("sessionId"),
        jobId: sql.placeholder("jobId"),
        tool: sql.placeholder("tool"),
        status: sql.placeholder("status"),
        code: sql.placeholder("code"),
        error: sql.placeholder("error"),
        causes: sql.placeholder("causes"),
        at: sql.placeholder("at"),
      })
      .onConflictDoNothing()
      .prepare(),
    grow: statements
      .insert(recordSize)
      .values({ name: "executions", count: sql.placeholder("by") })
      .onConflictDoUpdate({ target: recordSize.name, set: { count: sql`${recordSize.count} + excluded.count` } })
      .prepare(),
  };
}

function prepareDeletions({ statements }: Pick<Database, "statements">) {
  const some = statements
    .select({ id: executions.id })
    .from(executions)
    .where(eq(executions.sessionId, session))
    .limit(sql.placeholder("rows"));
  const someErrors = statements
    .select({ id: errors.executionId })
    .from(errors)
    .where(eq(errors.sessionId, session))
    .limit(sql.placeholder("rows"));
  return {
    isDeleted: statements
      .select({ session: deletedSessions.sessionId })
      .from(deletedSessions)
      .where(eq(deletedSessions.sessionId, session))
      .prepare(),
    noteDeleted: statements
      .insert(deletedSessions)
      .values({ sessionId: session, at: sql.placeholder("at"), hasRows: true })
      .onConflictDoUpdate({ target: deletedSessions.sessionId, set: { hasRows: true } })
      .prepare(),
    nextDeleted: statements
      .select({ session: deletedSessions.sessionId })
      .from(deletedSessions)
      .where(sql`${deletedSessions.hasRows} = 1`)
      .limit(1)
      .prepare(),
    deletedIsGone: statements
      .update(deletedSessions)
      .set({ hasRows: sql`0` })
      .where(eq(deletedSessions.sessionId, session))
      .prepare(),
    forgetDeleted: statements
      .delete(deletedSessions)
      .where(and(lte(deletedSessions.at, sql.placeholder("before")), sql`${deletedSessions.hasRows} = 0`))
      .prepare(),
    deleteExecutions: statements
      .delete(executions)
      .where(sql`${executions.id} IN ${some}`)
      .prepare(),
    deleteErrors: statements
      .delete(errors)
      .where(sql`${errors.executionId} IN ${someErrors}`)
      .prepare(),
    deleteSummaries: statements.delete(summaries).where(eq(summaries.scope, session)).prepare(),
    deleteErrorCounts: statements.delete(errorCounts).where(eq(errorCounts.scope, session)).prepare(),
  };
}

function preparePruning({ statements }: Pick<Database, "statements">) {
  const last = sql.placeholder("last");
  const scope = sql.placeholder("scope");
  const spans = sql`(SELECT min(at) FROM summaries WHERE scope = ${scope}
    AND at < ${sql.placeholder("before")})`;
  return {
    size: statements
      .select({ count: recordSize.count })
      .from(recordSize)
      .where(eq(recordSize.name, "executions"))
      .prepare(),
    oldest: statements
      .select({ id: executions.id, startedAt: executions.startedAt })
      .from(executions)
      .where(ne(executions.status, sql`'running'`))
      .orderBy(executions.id)
      .limit(sql.placeholder("rows"))
      .prepare(),
    removeUpTo: statements
      .delete(executions)
      .where(and(lte(executions.id, last), ne(executions.status, sql`'running'`)))
      .prepare(),
    removeErrorsUpTo: statements.delete(errors).where(lte(errors.executionId, last)).prepare(),
    removeSpan: statements
      .delete(summaries)
      .where(and(eq(summaries.scope, scope), sql`${summaries.at} = ${spans}`))
      .prepare(),
  };
}
