/** What happened, as the tables of the record have it. Every function expects that they were brought up to date. */
import type { ErrorResult } from "@container-kit/errors";
import type { RecordLog } from "@container-kit/storage";
import { and, desc, eq, inArray, lt, ne, sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import { invalid } from "./errors.ts";
import { isExecutionId } from "./ids.ts";
import type { Ending } from "./left-jobs.ts";
import { fromJsonText, fromTextList } from "./json-text.ts";
import { deletedSessions, errors, executions } from "./record-tables.ts";
import type { HistoryQuery, RecordedError, ToolExecution } from "./types.ts";

const PAGE = 50;
const LONGEST_PAGE = 1000;

/** An execution that has begun and not ended, and whose it is. */
export interface RunningExecution {
  readonly id: string;
  readonly owner: number;
}

/** Reads executions and errors, the newest first. */
export interface History {
  executions(query: HistoryQuery): readonly ToolExecution[];
  errors(query: HistoryQuery): readonly RecordedError[];
  /** How these ended, as far as anybody saw. */
  endingsOf(ids: readonly string[]): ReadonlyMap<string, Ending>;
  running(): readonly RunningExecution[];
  /** Whether rows of a deleted session are left. */
  hasRows(sessionId: string): boolean;
}

export function createHistory(record: RecordLog): History {
  const { statements } = record;
  const running = statements
    .select({ id: executions.id, owner: executions.owner })
    .from(executions)
    // Both, since the planner takes the partial index only for its own words.
    .where(and(ne(executions.status, sql`'completed'`), eq(executions.status, sql`'running'`)))
    .prepare();
  const left = statements
    .select({ id: deletedSessions.sessionId })
    .from(deletedSessions)
    .where(and(eq(deletedSessions.sessionId, sql.placeholder("id")), sql`${deletedSessions.hasRows} = 1`))
    .prepare();
  return {
    executions: (query) => record.read(() => selectExecutions(record, query)).map(toExecution),
    errors: (query) => record.read(() => selectErrors(record, query)).map(toRecordedError),
    endingsOf: (ids) => record.read(() => selectEndings(record, ids)),
    running: () => record.read(() => running.all()),
    hasRows: (id) => record.read(() => left.get({ id })) !== undefined,
  };
}

function selectExecutions({ statements }: RecordLog, query: HistoryQuery) {
  const { status } = query;
  // The planner takes the partial index only for its own words, and with a session or a tool the others are better.
  const isPartial = status !== undefined && status !== "completed" && (query.sessionId ?? query.tool) === undefined;
  return statements
    .select({ row: executions, error: errors.error })
    .from(executions)
    .leftJoin(errors, eq(errors.executionId, executions.id))
    .where(
      and(
        query.sessionId === undefined ? undefined : eq(executions.sessionId, query.sessionId),
        query.tool === undefined ? undefined : eq(executions.tool, query.tool),
        status === undefined ? undefined : eq(executions.status, status),
        isPartial ? ne(executions.status, sql`'completed'`) : undefined,
        query.before === undefined ? undefined : lt(executions.id, toCursor(query.before)),
        isNotDeleted(executions.sessionId),
      ),
    )
    .orderBy(desc(executions.id))
    .limit(toLimit(query.limit))
    .all();
}

function selectErrors({ statements }: RecordLog, query: HistoryQuery): readonly (typeof errors.$inferSelect)[] {
  return statements
    .select()
    .from(errors)
    .where(
      and(
        query.sessionId === undefined ? undefined : eq(errors.sessionId, query.sessionId),
        query.tool === undefined ? undefined : eq(errors.tool, query.tool),
        query.status === undefined ? undefined : eq(errors.status, query.status),
        query.before === undefined ? undefined : lt(errors.executionId, toCursor(query.before)),
        isNotDeleted(errors.sessionId),
      ),
    )
    .orderBy(desc(errors.executionId))
    .limit(toLimit(query.limit))
    .all();
}

function selectEndings({ statements }: RecordLog, ids: readonly string[]): ReadonlyMap<string, Ending> {
  const rows = statements
    .select({ id: executions.id, status: executions.status, endedAt: executions.endedAt })
    .from(executions)
    .where(and(inArray(executions.id, [...ids]), ne(executions.status, sql`'running'`)))
    .all();
  return new Map(rows.map(({ id, ...ending }) => [id, ending]));
}

/** Rows of a deleted session are removed little by little, and not shown meanwhile. */
function isNotDeleted(session: typeof executions.sessionId | typeof errors.sessionId): SQL {
  return sql`${session} NOT IN (SELECT ${deletedSessions.sessionId} FROM ${deletedSessions} WHERE ${deletedSessions.hasRows} = 1)`;
}

function toCursor(before: string): string {
  if (isExecutionId(before)) return before;
  throw invalid("before", "expected the id of an execution");
}

function toLimit(limit = PAGE): number {
  if (Number.isSafeInteger(limit) && limit > 0) return Math.min(limit, LONGEST_PAGE);
  throw invalid("limit", "expected a whole number above 0");
}

function toExecution({
  row,
  error,
}: {
  readonly row: typeof executions.$inferSelect;
  readonly error: string | null;
}): ToolExecution {
  const { owner: _owner, input, result, ...rest } = row;
  return {
    ...rest,
    input: fromJsonText(input),
    result: fromJsonText(result),
    error: fromJsonText(error) as ErrorResult | null,
  };
}

function toRecordedError(row: typeof errors.$inferSelect): RecordedError {
  const { executionId, sessionId, jobId, tool, code, at } = row;
  const error = fromJsonText(row.error) as Partial<ErrorResult>;
  return {
    executionId,
    sessionId,
    jobId,
    tool,
    code,
    category: error.category ?? "runtime",
    stage: error.stage ?? null,
    message: error.message ?? "",
    retryable: error.retryable ?? false,
    causes: fromTextList(row.causes),
    details: error.details ?? null,
    at,
  };
}
