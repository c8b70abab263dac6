import type { LogFields } from "@container-kit/observability";
import type { UndoTask } from "@container-kit/session";
import type { Services } from "./execution.ts";
import type { Alarm } from "./internal/alarms.ts";
import { messageOf } from "./outcome.ts";
import type { ToolDefinition } from "./types.ts";

const LONGEST_UNDO_MS = 30_000;
const GRACE_MS = 1_000;

/** Whether what an execution made is gone again, as a failure's `details.undo` tells it. */
export interface UndoReport {
  readonly undone: boolean;
  readonly problem?: string;
}

/** What is to be undone, of an execution of this process or of a dead one. */
export type UndoWork = Pick<UndoTask, "executionId" | "sessionId" | "tool" | "notes"> & {
  /** Where its call is still known. */
  readonly correlationId?: string;
};

/**
 * Takes back what an execution made. Never rejects.
 *
 * - U1  Its signal is its own: the cancellation that made the undoing necessary does not stop it. After 30 s it aborts,
 *       and a second later the undoing is given up.
 * - U2  What was undone is forgotten; what could not be is kept, counted, and tried again by a later start.
 */
export async function undo(services: Services, definition: ToolDefinition, work: UndoWork): Promise<UndoReport> {
  const { sessions, logger } = services;
  const { executionId } = work;
  const names = namesOfWork(work);
  try {
    await runUndo(services, definition, work);
  } catch (error) {
    logger.error("what a tool made could not be undone", { ...names, error });
    await sessions.failUndo(executionId).catch((unkept: unknown) => {
      logger.warn("a failed undoing could not be noted", { ...names, error: unkept });
    });
    return { undone: false, problem: messageOf(services, error) };
  }
  logger.info("what a tool made was undone", names);
  await forget(services, work);
  return { undone: true };
}

/** Forgets what is undone, or complete. What stays by a store's fault is undone once more at the next start, which a tool's `undo` must bear. */
export function forget(
  { sessions, logger }: Services,
  { executionId, tool }: Pick<UndoWork, "executionId" | "tool">,
): Promise<void> {
  return sessions.clearUndo(executionId).catch((error: unknown) => {
    logger.error("what is not to be undone any more could not be forgotten", { tool, executionId, error });
  });
}

function namesOfWork({ notes: _notes, ...names }: UndoWork): LogFields {
  return names;
}

/** U1. */
async function runUndo({ alarms, clock, logger }: Services, definition: ToolDefinition, work: UndoWork): Promise<void> {
  if (definition.undo === undefined) throw new TypeError(`expected ${work.tool} to have an undo`);
  const { sessionId, executionId, notes } = work;
  const controller = new AbortController();
  const late = new Error(`its undo did not finish within ${LONGEST_UNDO_MS / 1_000} s`);
  const stopAt = clock() + LONGEST_UNDO_MS;
  const told = alarms.set(stopAt, () => controller.abort(late));
  let givenUp: Alarm | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      givenUp = alarms.set(stopAt + GRACE_MS, () => reject(late));
      const child = logger.child(namesOfWork(work));
      const context = { sessionId, executionId, signal: controller.signal, logger: child };
      // A plugin in plain JavaScript may return nothing.
      Promise.resolve(definition.undo?.(notes, context)).then(resolve, reject);
    });
  } finally {
    alarms.clear(told);
    alarms.clear(givenUp);
  }
}
