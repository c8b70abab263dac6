import type { Logger } from "@container-kit/observability";
import { fail } from "./errors.ts";
import type { Execution } from "./execution.ts";
import { whyNotPlain } from "./internal/plain.ts";
import type { ToolContext } from "./types.ts";

const LARGEST_NOTE = 64 * 1024;

/** What a running tool is handed. What most tools never ask for, such as the signal, is made when it is asked for. */
export function contextOf(execution: Execution): ToolContext {
  const { facts, services, stop, input } = execution;
  const { tool, sessionId, executionId, correlationId } = facts;
  let logger: Logger | undefined;
  return {
    sessionId,
    executionId,
    correlationId,
    get jobId() {
      return facts.jobId;
    },
    get signal() {
      return stop.signal;
    },
    dryRun: input.dryRun,
    get logger() {
      return (logger ??= services.logger.child({ tool, sessionId, executionId, correlationId }));
    },
    attempt: execution.attempt,
    report: (progress) => execution.report(progress),
    async jobFolder() {
      if (facts.jobId === null) throw new TypeError(`expected a durable tool to ask for a job folder, got ${tool}`);
      return services.sessions.jobFolder(facts.jobId);
    },
    willMake: (note) => willMake(execution, note),
    allow: (act) => services.policy?.check(tool, act),
  };
}

/** After this the note outlives the process. What was stopped announces nothing any more, and so makes nothing. */
async function willMake(execution: Execution, note: unknown): Promise<void> {
  const { facts, services, prepared, input, stop } = execution;
  if (prepared.definition.undo === undefined) throw new TypeError(`expected ${facts.tool} to have an undo`);
  const problem = whyNotPlain(note, LARGEST_NOTE);
  if (problem !== undefined) throw new TypeError(`expected a note of plain JSON: ${problem.path} ${problem.message}`);
  stop.throwIfStopped();
  if (input.dryRun) throw fail("INTERNAL", `${facts.tool} was about to make something in a dry run`);
  const kept: unknown = JSON.parse(JSON.stringify(note));
  await services.sessions.noteUndo(facts.executionId, kept);
  execution.notes = [kept, ...execution.notes];
  stop.throwIfStopped();
}
