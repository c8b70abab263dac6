/**
 * The beginning and the end of each execution, as lines of this process's journal.
 *
 * - X1  On the path of a call there are two appends and no SQLite: when each returns, it survives the death of the
 *       process. What is asked for later comes of the tables (projection.ts).
 * - X2  An execution has at most one end, and the first that was seen stays. Only `interrupted`, which nobody saw, gives
 *       way to it. The tables see to that; here an end is appended as it comes.
 * - X3  A duration is measured by the monotonic clock, so that an end is never before its start.
 */
import type { RecordLog } from "@container-kit/storage";
import type { Clocks } from "./clocks.ts";
import { KINDS, withText } from "./entries.ts";
import { ExecutionSequence, isExecutionId } from "./ids.ts";
import { toErrorText, toJsonText } from "./json-text.ts";
import type { ExecutionEnd, ExecutionStart, StartedExecution, Timestamp } from "./types.ts";

/** What is known of an execution that runs here. */
interface Running {
  readonly sessionId: string;
  readonly tool: string;
  readonly startedAt: Timestamp;
  /** By the monotonic clock. */
  readonly began: number;
}

/** The executions of this process, as it tells of them. */
export interface Executions {
  /** @throws STORE_FULL STORE_UNAVAILABLE before anything happened */
  start(
    start: ExecutionStart,
    by: { readonly owner: number; readonly jobId: string | undefined },
  ): Omit<StartedExecution, "lease">;
  end(id: string, end: ExecutionEnd): void;
  /** Says that nobody saw the end. */
  interrupt(id: string): void;
  /** Gives an execution that runs its job. */
  adopt(id: string, jobId: string): void;
  /** Those that began in this process and have not ended. */
  readonly running: ReadonlyMap<string, Running>;
}

export function createExecutions(record: RecordLog, clocks: Clocks): Executions {
  const sequence = new ExecutionSequence();
  const running = new Map<string, Running>();
  return {
    running,
    start({ sessionId, tool, correlationId, parent, dryRun, input }, { owner, jobId }) {
      record.admit();
      const startedAt = clocks.wall();
      const id = sequence.next(startedAt, owner);
      const entry = {
        id,
        session: sessionId,
        owner,
        tool,
        correlation: correlationId,
        at: startedAt,
        job: jobId,
        parent,
        dryRun: dryRun ? (true as const) : undefined,
      };
      record.append(KINDS.start, withText(entry, "input", toJsonText(input)));
      running.set(id, { sessionId, tool, startedAt, began: clocks.monotonic() });
      return { id, startedAt };
    },
    end(id, end) {
      if (!isExecutionId(id)) throw new TypeError(`expected the id of an execution, got ${JSON.stringify(id)}`);
      record.append(KINDS.end, endLine(id, end, running.get(id), clocks));
      running.delete(id);
    },
    interrupt(id) {
      record.append(KINDS.end, JSON.stringify({ id, status: "interrupted" }));
    },
    adopt(id, job) {
      record.append(KINDS.job, JSON.stringify({ id, job }));
    },
  };
}

function endLine(id: string, end: ExecutionEnd, known: Running | undefined, clocks: Clocks): string {
  const ms = known === undefined ? undefined : Math.max(0, clocks.monotonic() - known.began);
  const times = {
    at: known === undefined ? clocks.wall() : Math.round(known.startedAt + (ms ?? 0)),
    // Whole microseconds; more would only be digits.
    ms: ms === undefined ? undefined : Math.round(ms * 1000) / 1000,
    attempts: end.attempts === 1 ? undefined : end.attempts,
  };
  if (end.status === "completed")
    return withText({ id, status: end.status, ...times }, "result", toJsonText(end.result));
  const { status, error, causes } = end;
  const why = { code: error.code, causes: causes?.length === 0 ? undefined : causes };
  return withText({ id, status, ...times, ...why }, "error", toErrorText(error));
}
