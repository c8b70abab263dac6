/**
 * The record of executions: appended, never changed.
 *
 * - X1  An execution has at most one end, and the first that was seen stays. Only `interrupted`, which nobody saw,
 *       gives way to it: a process that was taken for dead and was not has the last word.
 * - X2  Statements are built once. On the path of a call there are two single-row inserts and nothing that grows.
 */
import type { ErrorResult } from "@container-kit/errors";
import type { Database } from "@container-kit/storage";
import { and, count, desc, eq, gte, notExists, sql } from "drizzle-orm";
import { ExecutionSequence, parseExecutionId, toExecutionId } from "./ids.ts";
import type { Ending } from "./jobs.ts";
import { fromJsonText, toErrorText, toJsonText } from "./json-text.ts";
import { executionEnds as ends, executionStarts as starts } from "./tables.ts";
import type { ExecutionEnd, ExecutionStart, SessionSummary, Timestamp, ToolExecution } from "./types.ts";

/** What is known of an execution when it begins, beside what the caller says. */
interface Beginning {
  readonly owner: number;
  readonly jobId: string | null;
  readonly startedAt: Timestamp;
}

/** The executions of all sessions. */
export interface Executions {
  start(start: ExecutionStart, beginning: Beginning): Promise<string>;
  /** Returns the id of the execution's job, if it has one. */
  end(id: string, end: ExecutionEnd, endedAt: Timestamp): Promise<string | null>;
  /** How it ended, or undefined while nobody knows. */
  endingOf(id: string): Ending | undefined;
  ofSession(sessionId: string): readonly ToolExecution[];
  summarize(sessionId: string): Pick<SessionSummary, "executions" | "failures" | "lastTool">;
  /** Ends what an owner left running; says how many. */
  interrupt(owner: number, from: number): Promise<number>;
  /** A key below those of all executions that are yet to start. */
  reserve(now: Timestamp): number;
  /** The lowest key of this process that may still be running. */
  unendedFrom(): number;
}

export function createExecutions(record: Database): Executions {
  const prepared = prepare(record);
  const sequence = new ExecutionSequence();
  /** Keys of what this process has running, lowest first, with their jobs. */
  const running = new Map<number, string | null>();

  const jobOf = (seq: number): string | null => {
    const job = running.get(seq);
    if (job !== undefined) return job;
    const row = record.read(() => prepared.jobOf.get({ seq }));
    if (row === undefined) throw new TypeError(`expected an execution that was started, got ${toExecutionId(seq)}`);
    return row.jobId;
  };

  return {
    async start({ input, sessionId, tool, correlationId, dryRun }, beginning) {
      const row = { sessionId, tool, correlationId, dryRun, input: toJsonText(input), ...beginning };
      let seq = 0;
      const insert = (): void => {
        running.delete(seq);
        do seq = sequence.next(beginning.startedAt);
        while (prepared.start.run({ seq, ...row }).changes === 0);
        running.set(seq, beginning.jobId);
      };
      try {
        await record.write(insert);
      } catch (error) {
        running.delete(seq);
        throw error;
      }
      return toExecutionId(seq);
    },
    async end(id, end, endedAt) {
      const seq = parseExecutionId(id);
      const jobId = jobOf(seq);
      const result = end.status === "completed" ? toJsonText(end.result) : null;
      const error = end.status === "completed" ? null : toErrorText(end.error);
      await record.write(() => prepared.end.run({ seq, status: end.status, result, error, endedAt }));
      running.delete(seq);
      return jobId;
    },
    endingOf: (id) => record.read(() => prepared.ending.get({ seq: parseExecutionId(id) })),
    ofSession: (sessionId) => record.read(() => prepared.ofSession.all({ sessionId })).map(toExecution),
    summarize: (sessionId) =>
      record.read(() => ({
        executions: prepared.count.get({ sessionId })?.all ?? 0,
        failures: prepared.countFailures.get({ sessionId })?.failed ?? 0,
        lastTool: prepared.last.get({ sessionId })?.tool ?? null,
      })),
    interrupt: (owner, from) => record.write(() => prepared.interrupt.run({ owner, from }).changes),
    reserve: (now) => sequence.next(now),
    unendedFrom: () => running.keys().next().value ?? sequence.last + 1,
  };
}

function prepare({ statements }: Database) {
  const bySeq = sql.placeholder("seq");
  const inSession = eq(starts.sessionId, sql.placeholder("sessionId"));
  const sameSeq = eq(ends.seq, starts.seq);
  return {
    ...prepareAppends({ statements }),
    jobOf: statements.select({ jobId: starts.jobId }).from(starts).where(eq(starts.seq, bySeq)).prepare(),
    ending: statements
      .select({ status: ends.status, endedAt: ends.endedAt })
      .from(ends)
      .where(eq(ends.seq, bySeq))
      .prepare(),
    ofSession: statements
      .select({ start: starts, end: ends })
      .from(starts)
      .leftJoin(ends, sameSeq)
      .where(inSession)
      .orderBy(starts.seq)
      .prepare(),
    count: statements.select({ all: count() }).from(starts).where(inSession).prepare(),
    countFailures: statements
      .select({ failed: count() })
      .from(starts)
      .innerJoin(ends, sameSeq)
      .where(and(inSession, eq(ends.status, "failed")))
      .prepare(),
    last: statements
      .select({ tool: starts.tool })
      .from(starts)
      .where(inSession)
      .orderBy(desc(starts.seq))
      .limit(1)
      .prepare(),
  };
}

function prepareAppends({ statements }: Pick<Database, "statements">) {
  const ended = statements
    .select({ one: sql`1` })
    .from(ends)
    .where(eq(ends.seq, starts.seq));
  const left = statements
    .select({
      seq: starts.seq,
      status: sql<"interrupted">`'interrupted'`.as("status"),
      result: sql<null>`NULL`.as("result"),
      error: sql<null>`NULL`.as("error"),
      endedAt: sql<null>`NULL`.as("ended_at"),
    })
    .from(starts)
    .where(and(gte(starts.seq, sql.placeholder("from")), eq(starts.owner, sql.placeholder("owner")), notExists(ended)));
  const row = {
    status: sql`excluded.status`,
    result: sql`excluded.result`,
    error: sql`excluded.error`,
    endedAt: sql`excluded.ended_at`,
  };
  return {
    start: statements
      .insert(starts)
      .values({
        seq: sql.placeholder("seq"),
        sessionId: sql.placeholder("sessionId"),
        jobId: sql.placeholder("jobId"),
        owner: sql.placeholder("owner"),
        tool: sql.placeholder("tool"),
        correlationId: sql.placeholder("correlationId"),
        dryRun: sql.placeholder("dryRun"),
        input: sql.placeholder("input"),
        startedAt: sql.placeholder("startedAt"),
      })
      .onConflictDoNothing()
      .prepare(),
    end: statements
      .insert(ends)
      .values({
        seq: sql.placeholder("seq"),
        status: sql.placeholder("status"),
        result: sql.placeholder("result"),
        error: sql.placeholder("error"),
        endedAt: sql.placeholder("endedAt"),
      })
      .onConflictDoUpdate({ target: ends.seq, set: row, setWhere: eq(ends.status, sql`'interrupted'`) })
      .prepare(),
    interrupt: statements.insert(ends).select(left).prepare(),
  };
}

function toExecution({
  start,
  end,
}: {
  readonly start: typeof starts.$inferSelect;
  readonly end: typeof ends.$inferSelect | null;
}): ToolExecution {
  const { seq, owner: _owner, input, ...rest } = start;
  const endedAt = end?.endedAt ?? null;
  return {
    ...rest,
    id: toExecutionId(seq),
    input: fromJsonText(input),
    status: end?.status ?? "running",
    result: fromJsonText(end?.result ?? null),
    error: fromJsonText(end?.error ?? null) as ErrorResult | null,
    endedAt,
    // The clock may have been set back in between.
    durationMs: endedAt === null ? null : Math.max(0, endedAt - start.startedAt),
  };
}
