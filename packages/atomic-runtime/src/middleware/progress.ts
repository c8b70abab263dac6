import type { Execution, Layer } from "../execution.ts";
import { openReporter } from "../progress.ts";
import type { ToolProgress } from "../types.ts";

/** Opens the way for the tool's reports, to the client and to the job's record, and closes it before the answer. */
export const progress: Layer = async (execution, next) => {
  const { facts, services, prepared, onProgress } = execution;
  const { jobId } = facts;
  if (onProgress === undefined && jobId === null) return next();
  const reporter = openReporter({
    send: onProgress === undefined ? undefined : (report) => send(execution, report, onProgress),
    keep: jobId === null ? undefined : (report) => keep(execution, report, jobId),
    redact: (text) => services.redactor.text(text),
    title: prepared.definition.title,
    clock: services.clock,
  });
  execution.report = (report) => reporter.report(report);
  try {
    return await next();
  } finally {
    reporter.close();
  }
};

function send(
  { facts, services }: Execution,
  report: ToolProgress,
  onProgress: (progress: ToolProgress) => unknown,
): void {
  attempt(() => onProgress(report)).catch((error: unknown) => {
    services.logger.debug("progress could not be delivered", { executionId: facts.executionId, error });
  });
}

function keep({ facts, services }: Execution, report: ToolProgress, jobId: string): void {
  const { message, current = null, total = null } = report;
  attempt(() => services.sessions.reportProgress(jobId, { message, current, total })).catch((error: unknown) => {
    services.logger.debug("progress could not be kept", { executionId: facts.executionId, error });
  });
}

/** Acts at once, and turns a throw into a rejection. */
async function attempt(act: () => unknown): Promise<void> {
  await act();
}
