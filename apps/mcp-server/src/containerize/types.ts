import type { ErrorResult } from "@container-kit/errors";
import type { ToolProgress } from "@container-kit/atomic-runtime";

/** The stages of the main job, in their order. */
const STAGE_NAMES = ["analyze", "dockerfile", "build", "probe", "inspect", "scan", "tag", "push"] as const;
export type StageName = (typeof STAGE_NAMES)[number];

/**
 * `absent`: this version has no such stage. `skipped`: it was not wanted, or not reached. `unmet`: it ran, what it looked
 * for was not so, and the job goes on with a warning.
 */
export type StageStatus = "done" | "unmet" | "skipped" | "failed" | "absent";

/** What was asked for. */
export interface JobOptions {
  /** The repository, absolute. */
  readonly path: string;
  readonly image: string | undefined;
  readonly push: string | undefined;
  readonly scan: boolean;
  readonly dryRun: boolean;
}

/** How one stage went. */
export interface StageReport {
  readonly stage: StageName;
  readonly status: StageStatus;
  readonly durationMs: number;
  readonly executionId?: string;
  /** Why it was skipped or is absent. */
  readonly reason?: string;
  /** The facts worth showing, in words. */
  readonly summary?: string;
  /** The tool's result. */
  readonly result?: Readonly<Record<string, unknown>>;
}

/** How the whole job went: the one document of `containerize --json`. */
export interface JobReport {
  readonly ok: boolean;
  readonly dryRun: boolean;
  readonly stages: readonly StageReport[];
  readonly image: string | null;
  readonly imageId: string | null;
  /** Read back from the registry; null when nothing was pushed. */
  readonly digest: string | null;
  readonly size: number | null;
  readonly layers: number | null;
  readonly sessionId: string | null;
  /** Where the durable record is, and the command that shows this job in it. */
  readonly record: { readonly store: string; readonly show: string | null };
  readonly warnings: readonly string[];
  readonly error?: ErrorResult;
}

/** Who watches a job. */
export interface JobWatcher {
  begin(stage: StageName): void;
  progress(stage: StageName, progress: ToolProgress): void;
  end(report: StageReport): void;
}
