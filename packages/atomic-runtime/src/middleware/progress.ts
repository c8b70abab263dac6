import type { Execution, Layer } from "../execution.ts";
import { namesOf } from "../log-names.ts";
import { openReporter } from "../progress.ts";
import type { ToolProgress } from "../types.ts";

/** Opens the way for the tool's reports, to the client and to the job's record, and closes it before the answer. */
export const progress: Layer = async (execution, next) => {
  const listens = execution.call.onProgress !== undefined && !execution.detached;
  if (listens || execution.lease !== undefined) open(execution, listens);
  try {
    return await next();
  } finally {
    execution.reporter?.close();
    execution.report = silent;
  }
};

/** Has the record of the job that an execution has just become keep its progress. */
export function keepProgress(execution: Execution): void {
  if (execution.reporter === undefined) open(execution, false);
  else execution.reporter.keepIn((report) => keep(execution, report));
}

/** What takes reports where nobody listens. */
export const silent = (): void => {};

function open(execution: Execution, listens: boolean): void {
  const { services, prepared, lease } = execution;
  const reporter = openReporter({
    send: listens ? (report) => send(execution, report) : undefined,
    keep: lease === undefined ? undefined : (report) => keep(execution, report),
    redact: (text) => services.redactor.text(text),
    title: prepared.definition.title,
    clock: services.clock,
  });
  execution.reporter = reporter;
  execution.report = (report) => reporter.report(report);
}

function send({ facts, services, call }: Execution, report: ToolProgress): void {
  attempt(() => call.onProgress?.(report)).catch((error: unknown) => {
    services.logger.debug("progress could not be delivered", { ...namesOf(facts), error });
  });
}

function keep({ facts, services, lease }: Execution, report: ToolProgress): void {
  if (lease === undefined) return;
  const { message, current = null, total = null } = report;
  attempt(() => services.sessions.reportProgress(lease, { message, current, total })).catch((error: unknown) => {
    services.logger.debug("progress could not be kept", { ...namesOf(facts), error });
  });
}

/** Acts at once, and turns a throw into a rejection. */
async function attempt(act: () => unknown): Promise<void> {
  await act();
}
