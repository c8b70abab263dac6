import type { ToolProgress } from "@container-kit/atomic-runtime";
import { formatBytes, formatDuration } from "../text/amounts.ts";
import { toLine } from "../text/plain.ts";
import type { TerminalStream } from "./host.ts";

/** How much of the progress is shown: moving bars, one line per stage, or nothing. */
export type ProgressStyle = "bars" | "lines" | "silent";

/** Shows a person how far a job is, on stderr. */
export interface ProgressView {
  begin(title: string): void;
  update(progress: ToolProgress): void;
  /** Ends what has begun, with the one line that stays of it, if any. */
  end(line?: string): void;
}

/** Where and when a view draws. */
export interface ProgressViewOptions {
  readonly style: ProgressStyle;
  readonly stream: TerminalStream;
  /** Milliseconds; only differences count. */
  readonly now?: () => number;
}

const FRAME_MS = 100;
const MOST_ROWS = 8;
const LONGEST_LINE = 200;
const BAR_WIDTH = 24;
const SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏";

export function createProgressView({ style, stream, now = Date.now }: ProgressViewOptions): ProgressView {
  const print = (line: string): void => void stream.write(`${line}\n`);
  if (style === "bars") return createBars(stream, now);
  if (style === "lines") return createLines(print);
  return { begin: () => {}, update: () => {}, end: () => {} };
}

/** One line where a stage begins, where it ends, and where it begins to wait for somebody else. */
function createLines(print: (line: string) => void): ProgressView {
  const waiting = new Set<string>();
  return {
    begin(title) {
      waiting.clear();
      print(`${title} …`);
    },
    update(progress) {
      const id = progress.id ?? "";
      if (!isWaiting(progress)) waiting.delete(id);
      else if (!waiting.has(id)) {
        waiting.add(id);
        print(`  ${toLine(progress.message, LONGEST_LINE)}`);
      }
    },
    end: (line) => line !== undefined && print(line),
  };
}

/** Nothing moves until the engine or the registry is ready again; engines say it of a layer in these words. */
function isWaiting({ phase, message }: ToolProgress): boolean {
  return phase === "waiting" || /\bRetrying in \d/.test(message);
}

/**
 * Bars keyed by layer or step, redrawn in place.
 *
 * - V1  At most one frame per 100 ms, however fast the engine tells.
 * - V2  Every row fits the terminal's width, so that moving up by the number of rows always meets the first.
 * - V3  Nothing that an engine printed can steer the terminal.
 * - V4  What waits is shown below everything that moves, and goes when it moves again.
 */
function createBars(stream: TerminalStream, now: () => number): ProgressView {
  const rows = new Map<string, ToolProgress>();
  let title = "";
  let begun = 0;
  let drawn = 0;
  let timer: NodeJS.Timeout | undefined;

  const erase = (): string => (drawn === 0 ? "" : `\u001b[${drawn}A\u001b[J`);

  const draw = (): void => {
    const width = Math.max(20, stream.columns ?? 80) - 1;
    const elapsed = now() - begun;
    const spinner = SPINNER[Math.floor(elapsed / FRAME_MS) % SPINNER.length] as string;
    const open = [...rows.values()].filter((row) => row.done !== true);
    const shown = [...open.filter((row) => !isWaiting(row)), ...open.filter(isWaiting)].slice(-MOST_ROWS);
    const lines = [
      `${spinner} ${title} ${formatDuration(elapsed)}`,
      ...shown.map((row) => `  ${describeRow(row)}`),
    ].map((line) => toLine(line, width));
    const before = erase();
    drawn = lines.length;
    stream.write(`${before}${lines.join("\n")}\n`);
  };

  return {
    begin(name) {
      title = name;
      begun = now();
      rows.clear();
      drawn = 0;
      draw();
      timer = setInterval(draw, FRAME_MS).unref();
    },
    update(progress) {
      const id = progress.id ?? "";
      rows.delete(id);
      const whole = rows.get("");
      if (whole !== undefined && isWaiting(whole)) rows.delete("");
      rows.set(id, progress);
    },
    end(line) {
      clearInterval(timer);
      stream.write(`${erase()}${line === undefined ? "" : `${line}\n`}`);
      drawn = 0;
    },
  };
}

function describeRow({ message, current, total, unit }: ToolProgress): string {
  if (current === undefined || unit !== "bytes") return message;
  if (total === undefined || total <= 0) return `${message} ${formatBytes(current)}`;
  const filled = Math.round(BAR_WIDTH * Math.min(1, current / total));
  const bar = `${"█".repeat(filled)}${"░".repeat(BAR_WIDTH - filled)}`;
  return `${bar} ${formatBytes(current)} of ${formatBytes(total)} ${message}`;
}
