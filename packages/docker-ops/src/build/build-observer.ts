import type { Progress } from "../types.ts";
import type { BuildStep } from "./types.ts";
import type { ProgressRecord } from "../engine/progress-stream.ts";

/** Follows the records of one build, whichever builder writes them. */
export interface BuildObserver {
  /** Takes one record in; gives the progress that it means. */
  observe(record: ProgressRecord): readonly Progress[];
  /** The steps as far as they are known. */
  steps(): readonly BuildStep[];
  /** The instruction that failed, or was running when the build ended; null when none was. */
  failedStep(): string | null;
  /** Whether the engine is at work on a step, which may be silent for long. */
  isStepRunning(): boolean;
  /** Build arguments that the engine says no instruction takes. */
  unusedArguments(): readonly string[];
  /** What the failed step printed, or the last lines of all. */
  logTail(): string;
  /** Gives out what was printed without a final newline. Called once, when the build has ended either way. */
  finish(): void;
}

/** Lines of a step's output that an error carries. */
const TAIL_LINES = 40;

/** A longer line is cut into several, so that output without line ends is not kept whole. */
const LONGEST_LINE = 16 * 1024;

/** The last lines of a log, kept as it grows: the whole is never in memory. */
export class LogTail {
  readonly #lines: string[] = [];
  #partial = "";

  /** Adds output that may end in the middle of a line; gives back the lines that are complete now. */
  add(text: string): readonly string[] {
    // A carriage return alone redraws a line, as progress bars do: each drawing is a line here.
    const parts = (this.#partial + text).split(/\r?\n|\r(?=.)/s);
    const last = parts.pop() ?? "";
    if (last.length > LONGEST_LINE) parts.push(last);
    this.#partial = last.length > LONGEST_LINE ? "" : last;
    this.#lines.push(...parts);
    if (this.#lines.length > TAIL_LINES) this.#lines.splice(0, this.#lines.length - TAIL_LINES);
    return parts;
  }

  /** The last line, where no newline ended it. */
  flush(): string | null {
    const rest = this.#partial;
    if (rest === "") return null;
    this.add("\n");
    return rest;
  }

  text(): string {
    const lines = this.#partial === "" ? this.#lines : [...this.#lines, this.#partial];
    return lines.slice(-TAIL_LINES).join("\n");
  }
}
