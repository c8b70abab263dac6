import type { Runtime, ToolSuccess } from "@container-kit/atomic-runtime";
import { toErrorResult } from "@container-kit/errors";
import type { ErrorResult } from "@container-kit/errors";
import { StageFailure } from "./stage-failure.ts";
import { STAGES } from "./stages.ts";
import type { CallTool, JobState, Stage, StageEnd } from "./stages.ts";
import type { JobOptions, JobReport, JobWatcher, StageReport } from "./types.ts";

/** What a job runs on. */
export interface JobServices {
  readonly runtime: Runtime;
  /** Where the durable record is, for the report. */
  readonly store: string;
  readonly signal: AbortSignal;
  readonly watcher: JobWatcher;
  /** Milliseconds; only differences count. */
  readonly now?: () => number;
}

/**
 * Takes a repository to an image, through the same runtime and in the same record as an agent would.
 *
 * - J1  Every stage is reported exactly once, in order: done, skipped, failed or absent; never as done without the
 *       result of its tool.
 * - J2  The first failure ends the job; the stages behind it are reported as not reached.
 */
export async function runJob(options: JobOptions, services: JobServices): Promise<JobReport> {
  const { runtime, signal, watcher, now = Date.now } = services;
  const state: JobState = {
    options,
    warnings: [],
    image: options.image ?? null,
    imageId: null,
    digest: null,
    size: null,
    layers: null,
    port: undefined,
    healthPath: undefined,
    module: undefined,
    build: {},
  };
  const stages: StageReport[] = [];
  let sessionId: string | null = null;
  let error: ErrorResult | undefined;

  const callFor =
    (stage: Stage): CallTool =>
    async (tool, input): Promise<ToolSuccess> => {
      const outcome = await runtime.execute({
        tool,
        input: sessionId === null ? input : { ...input, sessionId },
        signal,
        onProgress: (progress) => watcher.progress(stage.name, progress),
      });
      if (outcome.sessionId !== "") sessionId = outcome.sessionId;
      if (!outcome.ok) throw new StageFailure(outcome);
      return outcome;
    };

  const runStage = async (stage: Stage): Promise<StageReport> => {
    if (error !== undefined) return report(stage, 0, { status: "skipped", reason: "not reached" });
    const planned = stage.planned?.(options);
    if (planned !== undefined) return report(stage, 0, planned);
    const begun = now();
    watcher.begin(stage.name);
    try {
      const end = await stage.run(state, callFor(stage));
      return report(stage, now() - begun, end);
    } catch (thrown) {
      error = thrown instanceof StageFailure ? thrown.outcome.error : toErrorResult(thrown);
      const executionId = thrown instanceof StageFailure ? thrown.outcome.executionId : "";
      return {
        stage: stage.name,
        status: "failed",
        durationMs: Math.round(now() - begun),
        ...(executionId === "" ? {} : { executionId }),
        summary: `${error.code}: ${error.message}`,
      };
    }
  };

  for (const stage of STAGES) {
    const ended = await runStage(stage);
    stages.push(ended);
    watcher.end(ended);
  }
  const { image, imageId, digest, size, layers } = state;
  return {
    ok: error === undefined,
    dryRun: options.dryRun,
    stages,
    image,
    imageId,
    digest,
    size,
    layers,
    sessionId,
    record: {
      store: services.store,
      show: sessionId === null ? null : `container-kit sessions show ${sessionId as string}`,
    },
    warnings: [...new Set(state.warnings)],
    ...(error === undefined ? {} : { error }),
  };
}

type Ending = Omit<StageEnd, "status"> & { readonly status?: StageReport["status"] };

function report(stage: Stage, durationMs: number, end: Ending): StageReport {
  const { status = "done", reason, summary, outcome } = end;
  return {
    stage: stage.name,
    status,
    durationMs: Math.round(durationMs),
    ...(outcome === undefined ? {} : { executionId: outcome.executionId }),
    ...(reason === undefined ? {} : { reason }),
    ...(summary === undefined ? {} : { summary }),
    ...(outcome === undefined ? {} : { result: outcome.result }),
  };
}
