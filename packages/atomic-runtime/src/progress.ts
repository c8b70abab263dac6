import { visibleLine } from "./internal/visible.ts";
import type { ToolProgress } from "./types.ts";

/*
 * How a tool's reports become the progress that a client sees and a job keeps.
 *
 * - P1  Reports of one id arrive in order, and their `current` never goes back.
 * - P2  At most ten a second per id. The first, one that is `done` and one of a new phase always pass; of the others the
 *       last is held and sent when its turn comes.
 * - P3  Nothing is sent after the end, not even what was held.
 * - P4  While a tool is silent, its last message is repeated every eight seconds with the time that has passed.
 * - P5  A job's kept progress changes at most once a second, and ends on the last report.
 * - P6  A number always has its unit: steps, where the tool names none.
 * - P7  Neither a report that is garbage nor a receiver that throws can hurt the tool.
 */
const SPACING_MS = 100;
const SILENCE_MS = 8_000;
const KEEP_MS = 1_000;
const LONGEST_MESSAGE = 500;

/** Where progress goes; both are optional, and what they throw or reject is swallowed by the one who makes them. */
export interface ReporterOptions {
  readonly send: ((progress: ToolProgress) => void) | undefined;
  readonly keep: ((progress: ToolProgress) => void) | undefined;
  /** Makes a message fit to leave the process. */
  readonly redact: (text: string) => string;
  /** What is said of a tool that has not said anything. */
  readonly title: string;
  readonly clock: () => number;
}

/** Takes reports until it is closed. */
export interface Reporter {
  report(progress: ToolProgress): void;
  /** The client hears nothing more; a job's record still does. */
  mute(): void;
  /** From now on a job keeps the progress too. */
  keepIn(keep: (progress: ToolProgress) => void): void;
  close(): void;
}

interface Line {
  sentAt: number;
  current: number | undefined;
  phase: string | undefined;
  held: ToolProgress | undefined;
}

/** Opens the progress of one execution. */
export function openReporter(options: ReporterOptions): Reporter {
  const { send, keep } = options;
  let client = send === undefined ? undefined : openClientLane({ ...options, send });
  let job = keep === undefined ? undefined : openJobLane(keep, options.clock);
  const lines = new Map<string, Line>();
  let closed = false;

  return {
    report(progress) {
      if (closed) return;
      const report = readReport(progress, options.redact);
      if (report === undefined) return;
      const key = report.id ?? "";
      const known = lines.get(key);
      const line: Line = known ?? { sentAt: -Infinity, current: undefined, phase: report.phase, held: undefined };
      if (known === undefined) lines.set(key, line);
      const current = report.current === undefined ? undefined : Math.max(report.current, line.current ?? 0);
      if (current !== undefined) line.current = current;
      const ordered = current === undefined ? report : { ...report, current };
      client?.take(ordered, line);
      job?.take(ordered);
    },
    mute() {
      client?.close();
      client = undefined;
    },
    keepIn(laterKeep) {
      if (!closed) job ??= openJobLane(laterKeep, options.clock);
    },
    close() {
      closed = true;
      client?.close();
      job?.close();
    },
  };
}

/** P1, P2, P4 for the client that listens. */
function openClientLane({ send, clock, title }: ReporterOptions & { send: (progress: ToolProgress) => void }): {
  take(report: ToolProgress, line: Line): void;
  close(): void;
} {
  const startedAt = clock();
  const waiting = new Set<Line>();
  let last: ToolProgress = { message: title };
  let sentAt = startedAt;
  let flushTimer: NodeJS.Timeout | undefined;

  const emit = (report: ToolProgress, line: Line) => {
    waiting.delete(line);
    line.held = undefined;
    line.sentAt = sentAt = clock();
    if (report.phase !== undefined) line.phase = report.phase;
    last = report;
    send(report);
  };
  const schedule = () => {
    if (waiting.size === 0 || flushTimer !== undefined) return;
    const firstSentAt = Math.min(...[...waiting].map((line) => line.sentAt));
    flushTimer = setTimeout(flush, Math.max(1, firstSentAt + SPACING_MS - clock()));
  };
  const flush = () => {
    flushTimer = undefined;
    for (const line of waiting) {
      if (line.held !== undefined && clock() - line.sentAt >= SPACING_MS) emit(line.held, line);
    }
    schedule();
  };
  const beat = () => {
    const silentMs = clock() - sentAt;
    if (silentMs >= SILENCE_MS) {
      sentAt = clock();
      send(repeat(last, clock() - startedAt));
    }
    beatTimer = setTimeout(beat, silentMs >= SILENCE_MS ? SILENCE_MS : SILENCE_MS - silentMs);
  };
  let beatTimer = setTimeout(beat, SILENCE_MS);

  return {
    take(report, line) {
      const urgent = report.done === true || (report.phase !== undefined && report.phase !== line.phase);
      if (urgent || clock() - line.sentAt >= SPACING_MS) return emit(report, line);
      line.held = report;
      waiting.add(line);
      schedule();
    },
    close() {
      clearTimeout(flushTimer);
      clearTimeout(beatTimer);
    },
  };
}

/** P5 for the job that is recorded. */
function openJobLane(keep: (progress: ToolProgress) => void, clock: () => number) {
  let keptAt = -Infinity;
  let held: ToolProgress | undefined;
  let timer: NodeJS.Timeout | undefined;
  const write = (report: ToolProgress) => {
    clearTimeout(timer);
    timer = undefined;
    held = undefined;
    keptAt = clock();
    keep(report);
  };
  return {
    take(report: ToolProgress): void {
      const sinceKept = clock() - keptAt;
      if (sinceKept >= KEEP_MS) return write(report);
      held = report;
      timer ??= setTimeout(() => {
        if (held !== undefined) write(held);
      }, KEEP_MS - sinceKept);
    },
    close(): void {
      clearTimeout(timer);
      if (held !== undefined) write(held);
    },
  };
}

function repeat(last: ToolProgress, elapsedMs: number): ToolProgress {
  const { done, ...rest } = last;
  const message = `${last.message} (${Math.round(elapsedMs / 1000)} s)`;
  if (done !== true) return { ...rest, message };
  return { message, ...(last.phase === undefined ? {} : { phase: last.phase }) };
}

/** P6, P7: only the known fields, only of the right kind. */
function readReport(progress: unknown, redact: (text: string) => string): ToolProgress | undefined {
  if (typeof progress !== "object" || progress === null) return undefined;
  const { message, phase, id, current, total, unit, done } = progress as Partial<Record<keyof ToolProgress, unknown>>;
  if (typeof message !== "string") return undefined;
  return {
    message: visibleLine(redact(message.slice(0, LONGEST_MESSAGE * 4)), LONGEST_MESSAGE),
    ...(typeof phase === "string" ? { phase } : {}),
    ...(typeof id === "string" ? { id } : {}),
    ...(isCount(current) ? { current } : {}),
    ...(isCount(total) ? { total } : {}),
    ...(unit === "bytes" || unit === "steps" ? { unit } : isCount(current) ? { unit: "steps" as const } : {}),
    ...(done === true ? { done } : {}),
  };
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value) && value >= 0;
}
