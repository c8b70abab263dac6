import { randomBytes } from "node:crypto";

/** 128 random bits: whoever holds a session's id may continue it, so that it must not be guessed. */
export function newSessionId(): string {
  return `ses_${randomBytes(16).toString("hex")}`;
}

export function newJobId(): string {
  return `job_${randomBytes(16).toString("hex")}`;
}

/**
 * Keys of executions: microseconds since the epoch, of which the last three digits count. They rise within a process
 * even when the clock goes back, sort by time between processes, and are appended at the end of their table.
 * Two processes may make the same key in the same millisecond; the table decides and the other takes the next.
 */
export class ExecutionSequence {
  #last = 0;

  next(now: number): number {
    this.#last = Math.max(this.#last + 1, now * 1000);
    return this.#last;
  }

  /** The highest key made so far. */
  get last(): number {
    return this.#last;
  }
}

const EXECUTION_ID = /^exe_([0-9a-z]{1,11})$/;

export function toExecutionId(seq: number): string {
  return `exe_${seq.toString(36)}`;
}

/** @throws TypeError for what is not the id of an execution: only our own code hands them back. */
export function parseExecutionId(id: string): number {
  const digits = EXECUTION_ID.exec(id)?.[1];
  if (digits === undefined) throw new TypeError(`expected the id of an execution, got ${JSON.stringify(id)}`);
  return Number.parseInt(digits, 36);
}
