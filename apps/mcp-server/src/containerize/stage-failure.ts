import type { ToolFailure } from "@container-kit/atomic-runtime";

/** A tool of a stage failed; thrown within the job only, which reports it as the stage's outcome. */
export class StageFailure extends Error {
  readonly outcome: ToolFailure;

  constructor(outcome: ToolFailure) {
    super(outcome.error.message);
    this.outcome = outcome;
  }
}
