import type { Progress } from "../types.ts";
import type { BuildStep } from "./types.ts";
import type { ProgressRecord } from "../wire/progress-stream.ts";

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

/** And characters: with long lines that is less. */
const LONGEST_TAIL = 12_000;

/** A longer line is cut into several, so that output without line ends is not kept whole. */
const LONGEST_LINE = 16 * 1024;

/** The last lines of a log, kept as it grows: the whole is never in memory. */
export class LogTail {
  readonly #lines: string[] = [];
  readonly #uncut: readonly string[];
  /** Characters at the end of a long line that are kept back: an uncut text may be on its way there. */
  readonly #held: number;
  #partial = "";

  /** @param uncut texts that no cut of a long line goes through, so that whoever masks them finds them */
  constructor(uncut: readonly string[] = []) {
    // A text of several lines is never in one.
    this.#uncut = uncut.filter((text) => !/[\r\n]/.test(text));
    this.#held = Math.max(0, ...this.#uncut.map(({ length }) => length));
  }

  /** Adds output that may end in the middle of a line; gives back the lines that are complete now. */
  add(text: string): readonly string[] {
    // A carriage return alone redraws a line, as progress bars do: each drawing is a line here.
    const parts = (this.#partial + text).split(/\r?\n|\r(?=.)/s);
    const last = parts.pop() ?? "";
    const cut = last.length > LONGEST_LINE + this.#held ? this.#cutBefore(last, last.length - this.#held) : 0;
    if (cut > 0) parts.push(last.slice(0, cut));
    this.#partial = last.slice(cut);
    this.#lines.push(...parts);
    if (this.#lines.length > TAIL_LINES) this.#lines.splice(0, this.#lines.length - TAIL_LINES);
    return parts;
  }

  /** The last place not after `at` that is inside of no uncut text. */
  #cutBefore(line: string, at: number): number {
    const starts = this.#uncut.map((text) => line.indexOf(text, Math.max(0, at - text.length + 1)));
    const first = Math.min(at, ...starts.filter((start) => start !== -1));
    return first === at ? at : this.#cutBefore(line, first);
  }

  /** The last line, where no newline ended it. */
  flush(): string | null {
    const rest = this.#partial;
    if (rest === "") return null;
    this.add("\n");
    return rest;
  }

  /** The last lines, as an error carries them. */
  text(): string {
    const lines = this.#partial === "" ? this.#lines : [...this.#lines, this.#partial];
    const text = lines.slice(-TAIL_LINES).join("\n");
    return text.length <= LONGEST_TAIL ? text : text.slice(this.#cutAfter(text, text.length - LONGEST_TAIL));
  }

  /** The first place not before `at` that is inside of no uncut text. */
  #cutAfter(text: string, at: number): number {
    const ends = this.#uncut.flatMap((uncut) => {
      const start = text.indexOf(uncut, Math.max(0, at - uncut.length + 1));
      return start === -1 || start >= at ? [] : [start + uncut.length];
    });
    const last = Math.max(at, ...ends);
    return last === at ? at : this.#cutAfter(text, last);
  }
}
