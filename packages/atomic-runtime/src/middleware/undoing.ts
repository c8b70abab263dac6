import type { Execution, Layer } from "../execution.ts";
import { deferred } from "../internal/deferred.ts";
import { undo } from "../undo.ts";
import type { UndoReport, UndoWork } from "../undo.ts";
import type { ToolFailure } from "../types.ts";
import { GRACE_AFTER_STOP_MS } from "./wait.ts";

/**
 * A tool completes, or leaves nothing behind that it announced.
 *
 * - U1  What failed or was cancelled is undone before its caller is answered, and the failure says so. A caller who waits
 *       is answered after five seconds of it, and reads that it goes on.
 * - U2  A tool that does not stop is undone once it has stopped, whatever it brings then: its caller was told of a failure.
 * - U3  A success keeps what it made; its notes are forgotten where the success is recorded.
 * - U4  A note that the tool did not wait for counts like the others: its effect may have been made.
 * - U5  A run that is repeated begins where nothing of the one before is left.
 */
export const undoing: Layer = async (execution, next) => {
  const outcome = await next();
  const { abandoned } = execution;
  if (abandoned === undefined) await execution.noting;
  if (outcome.ok) return outcome;
  if (abandoned === undefined) {
    return execution.notes.length === 0 ? outcome : withReport(outcome, await undoBeforeAnswer(execution));
  }
  execution.abandoned = abandoned.then(() => undoRun(execution));
  if (execution.notes.length === 0) return outcome;
  return withReport(outcome, { undone: false, problem: "it is undone once the tool has stopped" });
};

/** U5. Undoes what a run that has ended made; undefined where it announced nothing. */
export async function undoRun(execution: Execution): Promise<UndoReport | undefined> {
  await execution.noting;
  return execution.notes.length === 0 ? undefined : undoNow(execution);
}

/** U1. */
async function undoBeforeAnswer(execution: Execution): Promise<UndoReport> {
  const { alarms, clock } = execution.services;
  const undone = undoNow(execution);
  if (execution.detached) return undone;
  const { promise: late, resolve } = deferred<undefined>();
  const alarm = alarms.set(clock() + GRACE_AFTER_STOP_MS, () => resolve(undefined));
  const report = await Promise.race([undone, late]);
  alarms.clear(alarm);
  if (report !== undefined) return report;
  execution.abandoned = undone;
  return { undone: false, problem: "it is still being undone" };
}

async function undoNow(execution: Execution): Promise<UndoReport> {
  const report = await undo(execution.services, execution.prepared.definition, workOf(execution));
  execution.notes = [];
  return report;
}

function workOf({ facts, notes }: Execution): UndoWork {
  const { tool, sessionId, executionId, correlationId } = facts;
  return { tool, sessionId, executionId, correlationId, notes };
}

/** The failure with what became of what it made. */
export function withReport(outcome: ToolFailure, report: UndoReport): ToolFailure {
  return { ...outcome, error: { ...outcome.error, details: { ...outcome.error.details, undo: report } } };
}

/** Only for tools that can be undone. */
export function isUndoable({ prepared }: Execution): boolean {
  return prepared.definition.undo !== undefined;
}
