import { randomBytes } from "node:crypto";

/** 128 random bits: whoever holds a session's id may continue it, so that it must not be guessed. */
export function newSessionId(): string {
  return `ses_${randomBytes(16).toString("hex")}`;
}

/** 128 random bits. */
export function newJobId(): string {
  return `job_${randomBytes(16).toString("hex")}`;
}

/** `exe_` and so many digits of the moment; the owner's key follows. */
const MOMENT_DIGITS = 10;
/** The last moment with that many digits in base 36, in the year 2085; the sequence then goes on from there. */
const LAST_MOMENT = 36 ** MOMENT_DIGITS - 36 ** 6;

/**
 * The ids of the executions of one process: `exe_`, ten digits in base 36 of the microseconds since the epoch (of which
 * the last three decimal digits only count), and the key of the owner in base 36.
 *
 * They rise within a process even when the clock goes back, sort by time between processes, and no two processes make
 * the same one, because an owner's key is given out once. Ids of the first schema end after the ten digits.
 */
export class ExecutionSequence {
  #last = 0;

  /** @param now milliseconds since the epoch */
  next(now: number, owner: number): string {
    this.#last = Math.max(this.#last + 1, Math.min(now * 1000, LAST_MOMENT));
    return executionIdOf(this.#last) + owner.toString(36);
  }
}

/** The beginning of the ids of that moment; below them in the order of ids. */
export function executionIdOf(microseconds: number): string {
  return `exe_${microseconds.toString(36).padStart(MOMENT_DIGITS, "0")}`;
}

/** Whether a text has the form of an execution's id. */
export function isExecutionId(text: string): boolean {
  return /^exe_[0-9a-z]{1,24}$/.test(text);
}
