import type { Execution, Layer } from "../execution.ts";
import { undo } from "../undo.ts";
import type { UndoReport, UndoWork } from "../undo.ts";
import type { ToolFailure } from "../types.ts";

/**
 * A tool completes, or leaves nothing behind that it announced.
 *
 * - U1  What failed or was cancelled is undone before its caller is answered, and the failure says so.
 * - U2  A tool that does not stop is undone once it has stopped, whatever it brings then: its caller was told of a failure.
 * - U3  A success keeps what it made; its notes are forgotten where the success is recorded.
 */
export const undoing: Layer = async (execution, next) => {
  const outcome = await next();
  if (outcome.ok) return outcome;
  const { abandoned } = execution;
  if (abandoned === undefined) {
    return execution.notes.length === 0 ? outcome : withReport(outcome, await undoNow(execution));
  }
  execution.abandoned = abandoned.then(() => (execution.notes.length === 0 ? undefined : undoNow(execution)));
  if (execution.notes.length === 0) return outcome;
  return withReport(outcome, { undone: false, problem: "it is undone once the tool has stopped" });
};

async function undoNow(execution: Execution): Promise<UndoReport> {
  const report = await undo(execution.services, execution.prepared.definition, workOf(execution));
  execution.notes = [];
  return report;
}

function workOf({ facts, notes }: Execution): UndoWork {
  const { tool, sessionId, executionId } = facts;
  return { tool, sessionId, executionId, notes };
}

function withReport(outcome: ToolFailure, report: UndoReport): ToolFailure {
  return { ...outcome, error: { ...outcome.error, details: { ...outcome.error.details, undo: report } } };
}

/** Only for tools that can be undone. */
export function isUndoable({ prepared }: Execution): boolean {
  return prepared.definition.undo !== undefined;
}
