import { fitReport, readReport } from "./read-report.ts";
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
 * - P8  A tool that never stops reporting costs a bounded amount: of all ids together a hundred reports a second pass,
 *       after two hundred at once; of more ids than are remembered only the words pass, as one id; and only what passes
 *       is made fit to leave the process.
 */
const SPACING_MS = 100;
const SILENCE_MS = 8_000;
const KEEP_MS = 1_000;
const MOST_AT_ONCE = 200;
const MOST_PER_MS = 0.1;
const MOST_IDS = 256;

/** Where progress goes; both are optional, and what they throw or reject is swallowed by the one who makes them. */
export interface ReporterOptions {
  readonly send: ((progress: ToolProgress) => void) | undefined;
  readonly keep: ((progress: ToolProgress) => void) | undefined;
  /** Masks what must not leave the process. */
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
  const { send, keep, redact } = options;
  const openJob = (keepIn: (progress: ToolProgress) => void) =>
    openJobLane((report) => keepIn(fitReport(report, redact)), options.clock);
  let client = send === undefined ? undefined : openClientLane({ ...options, send });
  let job = keep === undefined ? undefined : openJob(keep);
  const lines = new Map<string, Line>();
  let closed = false;

  return {
    report(progress) {
      if (closed) return;
      const report = readReport(progress);
      if (report === undefined) return;
      const { line, ordered } = inOrder(lines, report);
      client?.take(ordered, line);
      job?.take(ordered);
    },
    mute() {
      client?.close();
      client = undefined;
    },
    keepIn(laterKeep) {
      if (!closed) job ??= openJob(laterKeep);
    },
    close() {
      closed = true;
      client?.close();
      job?.close();
    },
  };
}

/** P1, and P8 where there are too many ids: their numbers have nothing to do with each other, and go. */
function inOrder(lines: Map<string, Line>, report: ToolProgress): { line: Line; ordered: ToolProgress } {
  const key = report.id ?? "";
  const known = lines.get(key);
  if (known === undefined && lines.size >= MOST_IDS) {
    const { message, phase } = report;
    const words = { message, ...(phase === undefined ? {} : { phase }) };
    return { line: lines.get("") ?? addLine(lines, "", words), ordered: words };
  }
  const line = known ?? addLine(lines, key, report);
  if (report.current === undefined) return { line, ordered: report };
  line.current = Math.max(report.current, line.current ?? 0);
  return { line, ordered: { ...report, current: line.current } };
}

function addLine(lines: Map<string, Line>, key: string, { phase }: ToolProgress): Line {
  const line: Line = { sentAt: -Infinity, current: undefined, phase, held: undefined };
  lines.set(key, line);
  return line;
}

/** P1, P2, P4, P8 for the client that listens. */
function openClientLane({
  send,
  clock,
  title,
  redact,
}: ReporterOptions & { readonly send: (progress: ToolProgress) => void }): {
  take(report: ToolProgress, line: Line): void;
  close(): void;
} {
  const startedAt = clock();
  const waiting = new Set<Line>();
  let last: ToolProgress = { message: title };
  let sentAt = startedAt;
  let flushTimer: NodeJS.Timeout | undefined;
  const room = createRoom(clock);

  const emit = (report: ToolProgress, line: Line) => {
    room.take();
    waiting.delete(line);
    line.held = undefined;
    line.sentAt = sentAt = clock();
    if (report.phase !== undefined) line.phase = report.phase;
    last = fitReport(report, redact);
    send(last);
  };
  const schedule = () => {
    if (waiting.size === 0 || flushTimer !== undefined) return;
    const firstSentAt = Math.min(...[...waiting].map((line) => line.sentAt));
    const soonest = room.isLeft() ? 1 : SPACING_MS;
    flushTimer = setTimeout(flush, Math.max(soonest, firstSentAt + SPACING_MS - clock()));
  };
  const flush = () => {
    flushTimer = undefined;
    for (const line of waiting) {
      if (line.held !== undefined && clock() - line.sentAt >= SPACING_MS && room.isLeft()) emit(line.held, line);
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
      if ((urgent || clock() - line.sentAt >= SPACING_MS) && room.isLeft()) return emit(report, line);
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

/** P8: what may pass of all ids together. */
function createRoom(clock: () => number): { isLeft(): boolean; take(): void } {
  let room = MOST_AT_ONCE;
  let countedAt = clock();
  return {
    isLeft() {
      const now = clock();
      room = Math.min(MOST_AT_ONCE, room + (now - countedAt) * MOST_PER_MS);
      countedAt = now;
      return room >= 1;
    },
    take() {
      room -= 1;
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
