/**
 * Which process has which work, so that after a death exactly the work of the dead is found.
 *
 * - W1  A process is registered, durably, before it has any work.
 * - W2  `unendedFrom` never passes an execution that runs. It lags, because it is only written now and then.
 * - W3  Across a boot it is not trusted: a power cut may have taken ends that it already counts.
 */
import type { Database } from "@container-kit/storage";
import { eq, sql } from "drizzle-orm";
import { identifyProcess, isAlive } from "./process-identity.ts";
import { owners } from "./tables.ts";

/** An owner whose process is gone, and where its unfinished executions may begin. */
interface DeadOwner {
  readonly key: number;
  readonly from: number;
}

/** The registered processes; `key` is this one's. */
export interface Owners {
  /** This process's key; registers it at the first call. */
  key(): Promise<number>;
  /** Lets it be known, some time soon, that all executions below the one that `unendedFrom` names have ended. */
  advance(unendedFrom: () => number): void;
  /** Whether work with this owner may still be going on. Inside a read or write of the state. */
  hasWork(key: number): boolean;
  /** The owners whose processes are gone. */
  findDead(): readonly DeadOwner[];
  /** Removes an owner that has nothing left. Inside a write of the state. */
  forget(key: number): void;
}

/** @param firstSeq makes a key below those of all executions that this process will start */
export function createOwners(state: Database, firstSeq: () => number): Owners {
  const { statements } = state;
  const named = sql.placeholder("key");
  const insert = statements
    .insert(owners)
    .values({
      pid: sql.placeholder("pid"),
      processStart: sql.placeholder("processStart"),
      bootId: sql.placeholder("bootId"),
      firstSeq: sql.placeholder("from"),
      unendedFrom: sql.placeholder("from"),
    })
    .returning({ key: owners.key })
    .prepare();
  const advance = statements
    .update(owners)
    .set({ unendedFrom: sql`${sql.placeholder("from")}` })
    .where(eq(owners.key, named))
    .prepare();
  const find = statements.select().from(owners).where(eq(owners.key, named)).prepare();
  const all = statements.select().from(owners).prepare();
  const remove = statements.delete(owners).where(eq(owners.key, named)).prepare();

  const self = identifyProcess(process.pid);
  let registered: number | undefined;
  let registering: Promise<number> | undefined;

  const register = async (): Promise<number> => {
    try {
      const row = await state.write(() => insert.get({ ...self, from: firstSeq() }));
      return (registered = row.key);
    } finally {
      registering = undefined;
    }
  };

  return {
    async key() {
      return registered ?? (await (registering ??= register()));
    },
    advance(unendedFrom) {
      state.writeSoon("session:owner", () => advance.run({ key: registered, from: unendedFrom() }));
    },
    hasWork(key) {
      if (key === registered) return true;
      const owner = find.get({ key });
      return owner !== undefined && isAlive(owner);
    },
    findDead() {
      const dead = state.read(() => all.all()).filter((owner) => owner.key !== registered && !isAlive(owner));
      return dead.map(({ key, bootId, firstSeq, unendedFrom }) => ({
        key,
        from: bootId === self.bootId ? unendedFrom : firstSeq,
      }));
    },
    forget(key) {
      remove.run({ key });
    },
  };
}
