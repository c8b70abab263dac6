/**
 * Follows a classic or Podman build: its progress is the text that it prints, in one stream with what the steps print.
 *
 * - O1  A step's line counts only as the next number of the same total, for an instruction of the Dockerfile: a command
 *       that prints `Step 9/9 :` makes no step.
 * - O2  "Using cache" counts only as the first line of a step, with the image's id on the next and no other image
 *       after: a step that runs says so first (moby) or ends with an image of its own (buildah).
 * - O3  The labels of the request become the last instructions, one (moby) or one each (buildah): no steps of the user's.
 */
import type { ProgressRecord } from "../wire/progress-stream.ts";
import type { Progress } from "../types.ts";
import type { BuildStep } from "./types.ts";
import { LogTail } from "./build-observer.ts";
import type { BuildObserver } from "./build-observer.ts";

/** `Step 2/4 : RUN npm ci` (moby builder/dockerfile), `STEP 2/4: RUN npm ci` or `[1/2] STEP 2/4: RUN npm ci` (buildah). */
const STEP = /^(?:\[(\d{1,6})\/\d{1,6}\] )?step (\d{1,6})\/(\d{1,6})\s?: (.*)$/i;

/** ` ---> Using cache` (moby) or `--> Using cache 0a1b…` (buildah). */
const CACHED = /^ ?-{2,3}> using cache(?: ([0-9a-f]{12,64}))?$/i;

/** ` ---> 0a1b2c3d4e5f`: the image that a step made or found. */
const IMAGE = /^ ?-{2,3}> ([0-9a-f]{10,64})$/;

/** `COMMIT name:tag` or `[2/2] COMMIT name:tag`: buildah says so of a stage's last step before it names the image. */
const COMMIT = /^(?:\[\d{1,6}\/\d{1,6}\] )?COMMIT(?: |$)/;

/** `LABEL a=1 b=2` (moby) or `LABEL "a"="1"` (buildah): the first name. */
const LABEL = /^LABEL "?([^"=\s]+)/;

/** What both say after the last step: `[Warning] One or more build-args [A B] were not consumed`. */
const UNUSED =
  /^\[warning\] one or more build[- ]args(?: \[([^\]]{1,2000})\])? were not consumed(?:: \[([^\]]{1,2000})\])?$/i;

interface RunningStep {
  readonly stage: number;
  readonly number: number;
  readonly total: number;
  readonly instruction: string;
  /** The Dockerfile's own (O3). */
  readonly isShown: boolean;
  readonly startedMs: number;
  readonly tail: LogTail;
  /** Lines that the step has printed so far, empty ones not counted. */
  lines: number;
  /** The image that "Using cache" names, empty where it names none; null without such a line. */
  claim: string | null;
  cached: boolean;
}

export interface ClassicOptions {
  readonly onLog: (line: string) => void;
  /** The keywords of the Dockerfile's instructions; any is taken where they are not known. */
  readonly keywords?: ReadonlySet<string>;
  /** The names of the request's labels. */
  readonly labels?: readonly string[];
  readonly now?: () => number;
  /** Texts that stand whole in a line, however long it is. */
  readonly uncut?: readonly string[];
}

export function observeClassic(options: ClassicOptions): BuildObserver {
  const { onLog, keywords, labels = [], now = Date.now, uncut = [] } = options;
  const finished: BuildStep[] = [];
  const unused = new Set<string>();
  const output = new LogTail(uncut);
  let current: RunningStep | null = null;

  const begin = (line: string): RunningStep | null => {
    const [match, stageText = "0", number = "", total = "", instruction = ""] = STEP.exec(line) ?? [];
    if (match === undefined) return null;
    const step = { stage: Number(stageText), number: Number(number), total: Number(total) };
    const keyword = /^\w+/.exec(instruction)?.[0].toUpperCase() ?? "";
    const fits = keywords === undefined || keywords.has(keyword) || keyword === "LABEL";
    if (!fits || !follows(step, current)) return null;
    const [, labelled = ""] = LABEL.exec(instruction) ?? [];
    const isShown = step.number <= step.total - labels.length || !labels.includes(labelled);
    const fresh = { startedMs: now(), tail: new LogTail(uncut), lines: 0, claim: null, cached: false };
    return { ...step, instruction, isShown, ...fresh };
  };

  const takeLine = (line: string): readonly Progress[] => {
    onLog(line);
    const step = begin(line);
    if (step !== null) {
      finished.push(...shown(current, finished.length + 1, now()));
      current = step;
      return step.isShown ? [progressOf(step)] : [];
    }
    for (const name of UNUSED.exec(line)?.slice(1).join(" ").trim().split(/\s+/) ?? []) unused.add(name);
    if (line.trim() === "") return [];
    if (current !== null && takeCacheLine(current, line)) return [];
    current?.tail.add(`${line}\n`);
    return [{ phase: "log", message: line }];
  };

  return {
    observe: (record: ProgressRecord) => {
      if (record.stream !== undefined) return output.add(record.stream).flatMap(takeLine);
      if (record.status === undefined || record.id === undefined) return [];
      const { current: done, total } = record.progressDetail ?? {};
      if (done === undefined || total === undefined) return [];
      return [{ phase: "transfer", id: record.id, message: record.status, current: done, total, unit: "bytes" }];
    },
    steps: () => [...finished, ...shown(current, finished.length + 1, now())],
    failedStep: () => current?.instruction ?? null,
    isStepRunning: () => current !== null,
    unusedArguments: () => [...unused],
    finish: () => {
      const rest = output.flush();
      if (rest !== null) takeLine(rest);
    },
    logTail: () => {
      const own = current?.tail.text() ?? "";
      return own === "" ? output.text() : own;
    },
  };
}

/** O1; buildah numbers each stage from 1. */
function follows(step: Pick<RunningStep, "stage" | "number" | "total">, before: RunningStep | null): boolean {
  if (step.number > step.total) return false;
  if (before === null || step.stage > before.stage) return step.number === 1;
  return step.stage === before.stage && step.number === before.number + 1 && step.total === before.total;
}

/** O2. Takes a line of the step into account; tells whether it is the one that says that the cache is used. */
function takeCacheLine(step: RunningStep, line: string): boolean {
  if (step.lines === 1 && step.claim !== null && COMMIT.test(line)) return false;
  step.lines += 1;
  if (step.lines === 1) step.claim = cacheClaim(line);
  if (step.claim === null || step.lines === 1) return step.claim !== null;
  const image = IMAGE.exec(line)?.[1];
  if (step.lines === 2) step.cached = image !== undefined && (step.claim === "" || step.claim.startsWith(image));
  else if (image !== undefined) step.cached = false;
  return false;
}

function cacheClaim(line: string): string | null {
  const match = CACHED.exec(line);
  return match === null ? null : (match[1] ?? "");
}

function progressOf({ stage, number, total, instruction }: RunningStep): Progress {
  const id = stage === 0 ? `step ${number}` : `stage ${stage} step ${number}`;
  return { phase: "step", id, message: instruction, current: number, total, unit: "steps" };
}

function shown(step: RunningStep | null, index: number, endMs: number): readonly BuildStep[] {
  if (step === null || !step.isShown) return [];
  const { instruction, startedMs, cached } = step;
  return [{ index, instruction, durationMs: Math.max(0, Math.round(endMs - startedMs)), cached }];
}
