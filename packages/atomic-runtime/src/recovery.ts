import type { UndoTask } from "@container-kit/session";
import { within } from "./context/within.ts";
import type { Services } from "./execution.ts";
import type { Recovery } from "./types.ts";
import { undo } from "./undo.ts";

/** After so many undoings that failed, a task is left to a person. */
const MOST_ATTEMPTS = 5;
const AT_ONCE = 4;
const LONGEST_WAIT_MS = 5_000;

/** What was undone, and what could not be; one sentence each. */
type Undoing = Pick<Recovery, "undone" | "problems">;

/**
 * Ends what dead processes left: marks their work as interrupted, then takes back what it made.
 *
 * - R1  One task that cannot be undone costs no other: it is told, and tried again at a later start.
 * - R2  A tool that is not loaded now may be so later: its task waits, and does not count as a failed attempt.
 * - R3  One at a time in a process: who comes second goes on when what the first one found is undone too.
 * - R4  What failed five times is not tried again, and is told at each start until somebody sees to it.
 * - R5  Entries that tell of what is undone are removed.
 *
 * @throws STORE_UNAVAILABLE STORE_BUSY when the record itself cannot be read
 */
export async function recover(services: Services): Promise<Recovery> {
  const interrupted = await services.sessions.recoverInterrupted();
  return { ...interrupted, ...(await undoOfTheDead(services)) };
}

/** Takes back what dead processes made and did not complete. @throws as {@link recover} does */
export function undoOfTheDead(services: Services): Promise<Undoing> {
  const mine = services.recovering.last.then(() => undoTasks(services));
  services.recovering.last = mine.catch(() => {
    // Told to the one who asked; the next one asks anew.
  });
  return mine;
}

async function undoTasks(services: Services): Promise<Undoing> {
  const tasks = [...(await services.sessions.claimUndoTasks())];
  const problems: string[] = [];
  let undone = 0;
  const work = async (): Promise<void> => {
    for (let task = tasks.shift(); task !== undefined; task = tasks.shift()) {
      const problem = await undoTask(services, task);
      if (problem === undefined) undone += 1;
      else problems.push(problem);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  for (const problem of problems) services.logger.error("what a dead process made is still there", { problem });
  return { undone, problems };
}

/** What stands in the way, in one sentence. */
async function undoTask(services: Services, task: UndoTask): Promise<string | undefined> {
  const { tool, executionId, attempts } = task;
  const what = `what execution ${executionId} of ${tool} made is not undone`;
  if (attempts >= MOST_ATTEMPTS) return `${what}: it was tried ${attempts} times; remove it by hand`;
  const definition = services.registry.find(tool)?.definition;
  if (definition === undefined) return `${what}: the tool is not loaded`;
  if (definition.undo === undefined) return `${what}: this version of the tool cannot`;
  const { undone, problem = "unknown reason" } = await undo(services, definition, task);
  await removeEntries(services, task);
  return undone ? undefined : `${what}: ${problem}`;
}

/**
 * R5. The store of entries and the record are apart: a power cut may have cost the record of a success whose entries are
 * there. What stays by the store's fault goes by its age.
 */
async function removeEntries(services: Services, { sessionId, executionId, tool }: UndoTask): Promise<void> {
  const { context, logger } = services;
  if (context === undefined) return;
  try {
    await within(
      services,
      LONGEST_WAIT_MS,
      () => context.removeProduced(sessionId, executionId),
      "the entries' removal",
    );
  } catch (error) {
    logger.warn("entries of what was undone could not be removed", { tool, sessionId, executionId, error });
  }
}
