import type { ProgressRecord } from "../engine/progress-stream.ts";
import type { Progress } from "../types.ts";
import type { BuildStep } from "./types.ts";
import { LogTail } from "./build-observer.ts";
import type { BuildObserver } from "./build-observer.ts";

/** `Step 2/4 : RUN npm ci` (moby builder/dockerfile) or `STEP 2/4: RUN npm ci` (buildah). */
const STEP = /^step (\d+)\/(\d+)\s?: (.*)$/i;
const CACHED = /^ ?---> using cache|^--> using cache/i;

interface RunningStep {
  readonly instruction: string;
  readonly startedMs: number;
  readonly tail: LogTail;
  cached: boolean;
}

/** Follows a classic or Podman build: its progress is the text that it prints. */
export function observeClassic(onLog: (line: string) => void, now: () => number = Date.now): BuildObserver {
  const finished: BuildStep[] = [];
  const output = new LogTail();
  let current: RunningStep | null = null;

  const finishStep = () => {
    if (current === null) return;
    finished.push(toStep(finished.length + 1, current, now()));
    current = null;
  };

  const takeLine = (line: string): readonly Progress[] => {
    onLog(line);
    const step = STEP.exec(line);
    if (step !== null) {
      finishStep();
      const [, index, total, instruction = ""] = step;
      current = { instruction, startedMs: now(), tail: new LogTail(), cached: false };
      return [
        {
          phase: "step",
          id: `step ${index}`,
          message: instruction,
          current: Number(index),
          total: Number(total),
          unit: "steps",
        },
      ];
    }
    if (CACHED.test(line)) {
      if (current !== null) current.cached = true;
      return [];
    }
    current?.tail.add(`${line}\n`);
    return line.trim() === "" ? [] : [{ phase: "log", message: line }];
  };

  return {
    observe: (record: ProgressRecord) => {
      if (record.stream !== undefined) return output.add(record.stream).flatMap(takeLine);
      if (record.status === undefined || record.id === undefined) return [];
      const { current: done, total } = record.progressDetail ?? {};
      if (done === undefined || total === undefined) return [];
      return [{ phase: "transfer", id: record.id, message: record.status, current: done, total, unit: "bytes" }];
    },
    steps: () => (current === null ? finished : [...finished, toStep(finished.length + 1, current, now())]),
    failedStep: () => current?.instruction ?? null,
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

function toStep(index: number, { instruction, startedMs, cached }: RunningStep, endMs: number): BuildStep {
  return { index, instruction, durationMs: Math.max(0, Math.round(endMs - startedMs)), cached };
}
