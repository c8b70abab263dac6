import type { Runtime, ToolSuccess } from "@container-kit/atomic-runtime";
import { toErrorResult } from "@container-kit/errors";
import type { ErrorResult } from "@container-kit/errors";
import { StageFailure } from "./stage-failure.ts";
import { STAGES } from "./stages.ts";
import type { CallTool, JobState, Stage, StageEnd } from "./stages.ts";
import type { JobOptions, JobReport, JobWatcher, StageReport } from "./types.ts";

/** What a job runs on. */
export interface JobServices {
  readonly runtime: Pick<Runtime, "execute">;
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
  const job = new Job(options, services);
  for (const stage of STAGES) await job.pass(stage);
  return job.report();
}

class Job {
  readonly #options: JobOptions;
  readonly #services: JobServices;
  readonly #now: () => number;
  readonly #state: JobState;
  readonly #stages: StageReport[] = [];
  #sessionId: string | null = null;
  #error: ErrorResult | undefined;

  constructor(options: JobOptions, services: JobServices) {
    this.#options = options;
    this.#services = services;
    this.#now = services.now ?? Date.now;
    const unknown = { imageId: null, digest: null, size: null, layers: null };
    const open = { port: undefined, healthPath: undefined, module: undefined };
    this.#state = { options, warnings: [], image: options.image ?? null, ...unknown, ...open, build: {} };
  }

  async pass(stage: Stage): Promise<void> {
    const ended = await this.#run(stage);
    this.#stages.push(ended);
    this.#services.watcher.end(ended);
  }

  report(): JobReport {
    const { image, imageId, digest, size, layers, warnings } = this.#state;
    const show = this.#sessionId === null ? null : `container-kit sessions show ${this.#sessionId}`;
    return {
      ok: this.#error === undefined,
      dryRun: this.#options.dryRun,
      stages: this.#stages,
      image,
      imageId,
      digest,
      size,
      layers,
      sessionId: this.#sessionId,
      record: { store: this.#services.store, show },
      warnings: [...new Set(warnings)],
      ...(this.#error === undefined ? {} : { error: this.#error }),
    };
  }

  async #run(stage: Stage): Promise<StageReport> {
    if (this.#error !== undefined) return report(stage, 0, { status: "skipped", reason: "not reached" });
    const planned = stage.planned?.(this.#options);
    if (planned !== undefined) return report(stage, 0, planned);
    const begun = this.#now();
    this.#services.watcher.begin(stage.name);
    try {
      const end = await stage.run(this.#state, (tool, input) => this.#call(stage, tool, input));
      return report(stage, this.#now() - begun, end);
    } catch (thrown) {
      const error = thrown instanceof StageFailure ? thrown.outcome.error : toErrorResult(thrown);
      const executionId = thrown instanceof StageFailure ? thrown.outcome.executionId : "";
      this.#error = error;
      return {
        stage: stage.name,
        status: "failed",
        durationMs: Math.round(this.#now() - begun),
        ...(executionId === "" ? {} : { executionId }),
        summary: `${error.code}: ${error.message}`,
      };
    }
  }

  async #call(stage: Stage, ...[tool, input]: Parameters<CallTool>): Promise<ToolSuccess> {
    const { runtime, signal, watcher } = this.#services;
    const outcome = await runtime.execute({
      tool,
      input: this.#sessionId === null ? input : { ...input, sessionId: this.#sessionId },
      mayDetach: false,
      signal,
      onProgress: (progress) => watcher.progress(stage.name, progress),
    });
    if (outcome.sessionId !== "") this.#sessionId = outcome.sessionId;
    if (!outcome.ok) throw new StageFailure(outcome);
    return outcome;
  }
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
