/**
 * Ends what dead processes left.
 *
 * - V1  Only what belongs to a process that is gone is taken: an owner that is registered and alive keeps its own.
 * - V2  Executions end first, then jobs, then the owner is forgotten: if this process dies in between, the next one
 *       finds the same again. What runs with an owner that nobody knows any more is as dead as its process (W2).
 * - V3  Of several processes that recover at once, one ends and counts what belonged to an owner: the first to take it.
 */
import type { Storage } from "@container-kit/storage";
import type { Deletion } from "./deletion.ts";
import type { Executions } from "./executions.ts";
import type { History, RunningExecution } from "./history.ts";
import type { IdempotencyKeys } from "./idempotency.ts";
import type { Jobs } from "./jobs.ts";
import type { Owners } from "./owners.ts";
import type { InterruptedWork } from "./types.ts";

/** What recovery needs of the other parts. */
interface RecoveryParts {
  readonly storage: Storage;
  readonly owners: Owners;
  readonly executions: Executions;
  readonly history: History;
  readonly jobs: Jobs;
  readonly keys: IdempotencyKeys;
  readonly deletion: Deletion;
}

/** Marks as interrupted what dead processes left running, frees their keys and finishes their deletions. */
export async function recoverInterrupted(parts: RecoveryParts): Promise<InterruptedWork> {
  const { storage, owners, executions, jobs, deletion } = parts;
  const dead = await owners.takeDead();
  await storage.record.catchUp();
  const left = findLeft(parts);
  for (const { id } of left) executions.interrupt(id);
  if (left.length > 0) await storage.record.catchUp();
  const interruptedJobs = await jobs.endLeft();
  if (dead.length > 0) {
    await storage.state.write(() => {
      for (const key of dead) forget(parts, key);
    });
  }
  await deletion.finish();
  return { executions: left.length, jobs: interruptedJobs };
}

function forget({ keys, owners }: RecoveryParts, owner: number): void {
  keys.releaseAll(owner);
  owners.forget(owner);
}

function findLeft({ storage, owners, history }: RecoveryParts): readonly RunningExecution[] {
  const works = new Map<number, boolean>();
  return storage.state.read(() =>
    history.running().filter(({ owner }) => {
      const isWorking = works.get(owner) ?? owners.hasWork(owner);
      works.set(owner, isWorking);
      return !isWorking;
    }),
  );
}
