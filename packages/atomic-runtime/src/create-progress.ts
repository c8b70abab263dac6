import type { ToolContext, ToolProgress } from "./types.ts";

/** The progress of one piece of work, from its start to its end. */
export interface WorkProgress {
  start(message: string): void;
  /** `current` counts in the unit; the message stays until another one is given. */
  update(current: number, message?: string): void;
  complete(message?: string): void;
}

/** What kind of work it is. */
export interface WorkOptions {
  /** Which of several pieces of work; without it, the whole tool. */
  readonly id?: string;
  readonly unit?: "bytes" | "steps";
  readonly total?: number;
}

/**
 * Progress with a start, updates and an end, for work that can be counted.
 *
 * @example
 * const progress = createProgress(context, { unit: "steps", total: files.length });
 * progress.start("copying");
 * for (const [index, file] of files.entries()) {
 *   await copy(file);
 *   progress.update(index + 1);
 * }
 * progress.complete("copied");
 */
export function createProgress(context: Pick<ToolContext, "report">, options: WorkOptions = {}): WorkProgress {
  const { unit = "steps", total, id } = options;
  let message = "";
  let last = 0;
  const report = (current: number, done: boolean): void => {
    last = Math.max(last, current);
    const progress: ToolProgress = { message, current: last, unit };
    context.report({
      ...progress,
      ...(id === undefined ? {} : { id }),
      ...(total === undefined ? {} : { total }),
      ...(done ? { done } : {}),
    });
  };
  return {
    start(text) {
      message = text;
      report(0, false);
    },
    update(current, text = message) {
      message = text;
      report(current, false);
    },
    complete(text = message) {
      message = text;
      report(total ?? last, true);
    },
  };
}
