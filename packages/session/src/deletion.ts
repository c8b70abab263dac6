/**
 * Removes sessions with all that is theirs, over two databases and the disk.
 *
 * - Z1  The state goes first, in one transaction that leaves a note of the rest. So a session is there or gone, and
 *       what a crash left over is removed at the next recovery or pruning.
 * - Z2  The rows of the record go by an entry in the journal, a few at a time, and are not shown meanwhile.
 * - Z3  What other packages keep of a session goes before the note does: whoever fails is asked again with the next
 *       recovery or pruning, and keeps nothing else from going.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Storage } from "@container-kit/storage";
import { eq, sql } from "drizzle-orm";
import type { Clocks } from "./clocks.ts";
import { KINDS } from "./entries.ts";
import { fail, quote } from "./errors.ts";
import type { Folders } from "./folders.ts";
import type { History } from "./history.ts";
import type { IdempotencyKeys } from "./idempotency.ts";
import type { Jobs } from "./jobs.ts";
import { fromTextList } from "./json-text.ts";
import { deletions, jobs, sessions } from "./state-tables.ts";
import type { SessionCompanion } from "./types.ts";

/** What deleting needs of the other parts. */
interface DeletionParts {
  readonly storage: Storage;
  readonly clocks: Clocks;
  readonly jobs: Jobs;
  readonly keys: IdempotencyKeys;
  readonly history: History;
  readonly folders: Folders;
  readonly companions: readonly SessionCompanion[];
}

/** Removes sessions. */
export interface Deletion {
  /** Says how many jobs went with it. The session is there. @throws CONFLICT while a job of it runs */
  remove(sessionId: string): Promise<number>;
  /** Removes what an earlier deletion left over. */
  finish(): Promise<void>;
}

/** What is more of the record than these rounds remove goes when it is pruned. */
const ROUNDS = 50;

export function createDeletion(parts: DeletionParts): Deletion {
  const { storage, clocks, jobs: allJobs, keys, history, folders, companions } = parts;
  const { state, record } = storage;
  const prepared = prepare(storage);

  const finishOne = async (session: string, jobIds: readonly string[]): Promise<void> => {
    await folders.remove(session, jobIds);
    const body = JSON.stringify({ session, at: clocks.wall() });
    for (let round = 0; round < ROUNDS; round += 1) {
      record.append(KINDS.delete, body);
      await record.catchUp();
      if (!history.hasRows(session)) break;
      // A round that waits for nothing would keep the calls of others waiting for all of them.
      await nextTurn();
    }
    await eachAndThenThrow(companions, (companion) => companion.removeSession(session)); // Z3
    await state.write(() => prepared.forgetNote.run({ session }));
  };

  return {
    async remove(session) {
      // First those that were left, so that a dead owner's job keeps nothing.
      await allJobs.ofSession(session);
      const jobIds = await state.write(() => {
        const found = prepared.jobs.all({ session });
        const runs = found.find(({ status }) => status === "running");
        if (runs !== undefined) throw conflict(session, runs.id);
        const ids = found.map(({ id }) => id);
        prepared.note.run({ session, jobs: JSON.stringify(ids) });
        keys.forgetSession(session);
        prepared.remove.run({ session });
        return ids;
      });
      await finishOne(session, jobIds);
      return jobIds.length;
    },
    async finish() {
      const left = state.read(() => prepared.notes.all());
      await eachAndThenThrow(left, (note) => finishOne(note.sessionId, fromTextList(note.jobs)));
    },
  };
}

/** Does the work for each, one after the other, also after one that failed. @throws what the first of them threw */
export async function eachAndThenThrow<Item>(
  items: readonly Item[],
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const failures: unknown[] = [];
  for (const item of items) {
    try {
      await work(item);
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}

function conflict(session: string, job: string): Error {
  return fail("CONFLICT", `session ${quote(session)} has a job that runs: ${job}`, {
    remedy: "Cancel the job or wait for its end, then delete the session.",
    details: { sessionId: session, jobId: job },
  });
}

function prepare({ state: { statements } }: Storage) {
  const session = sql.placeholder("session");
  return {
    jobs: statements
      .select({ id: jobs.id, status: jobs.status })
      .from(jobs)
      .where(eq(jobs.sessionId, session))
      .prepare(),
    note: statements
      .insert(deletions)
      .values({ sessionId: session, jobs: sql.placeholder("jobs") })
      .onConflictDoNothing()
      .prepare(),
    notes: statements.select().from(deletions).prepare(),
    forgetNote: statements.delete(deletions).where(eq(deletions.sessionId, session)).prepare(),
    /** Its labels and jobs go with it. */
    remove: statements.delete(sessions).where(eq(sessions.id, session)).prepare(),
  };
}
