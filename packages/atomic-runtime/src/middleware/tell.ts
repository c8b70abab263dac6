import { publishEnd } from "../context/publish.ts";
import type { Execution, Layer } from "../execution.ts";

/** Tells how an execution ended to whoever listens, once nothing of it is to be written any more. */
export const tell: Layer = async (execution, next) => {
  const outcome = await next();
  const { services, facts, call, input, end } = execution;
  // Where the record could not begin there was no execution.
  if (end === undefined) return outcome;
  const status = outcome.ok ? "completed" : end.status === "cancelled" ? "cancelled" : "failed";
  const ended = { executionId: facts.executionId, parent: call.parent, dryRun: input.dryRun, status } as const;
  await publishEnd(services, outcome, ended);
  return outcome;
};

/** Only where there is somebody to tell. */
export function isHeard({ services }: Execution): boolean {
  return services.events !== undefined;
}
