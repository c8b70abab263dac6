/**
 * Which process has which work, so that after a death exactly the work of the dead is found.
 *
 * - W1  A process is registered, durably, before it has any work. Its key is given out once.
 * - W2  Work whose owner is not registered is nobody's: its process is dead and was forgotten.
 */
import { identifyProcess, isAlive } from "@container-kit/storage";
import type { Database } from "@container-kit/storage";
import { eq, sql } from "drizzle-orm";
import { owners } from "./state-tables.ts";

/** The registered processes; `key` is this one's. */
export interface Owners {
  /** This process's key; registers it at the first call. */
  key(): Promise<number>;
  /** This process's key, once it is registered. */
  readonly own: number | undefined;
  /** Whether work with this owner may still be going on. Inside a read or write of the state. */
  hasWork(key: number): boolean;
  /** The owners whose processes are gone. */
  findDead(): readonly number[];
  /** Removes an owner that has nothing left. Inside a write of the state. */
  forget(key: number): void;
}

export function createOwners(state: Database): Owners {
  const { statements } = state;
  const named = eq(owners.key, sql.placeholder("key"));
  const insert = statements
    .insert(owners)
    .values({
      pid: sql.placeholder("pid"),
      processStart: sql.placeholder("processStart"),
      bootId: sql.placeholder("bootId"),
    })
    .returning({ key: owners.key })
    .prepare();
  const find = statements.select().from(owners).where(named).prepare();
  const all = statements.select().from(owners).prepare();
  const remove = statements.delete(owners).where(named).prepare();

  const self = identifyProcess(process.pid);
  let registered: number | undefined;
  let registering: Promise<number> | undefined;

  const register = async (): Promise<number> => {
    try {
      const row = await state.write(() => insert.get({ ...self }));
      return (registered = row.key);
    } finally {
      registering = undefined;
    }
  };

  return {
    async key() {
      return registered ?? (await (registering ??= register()));
    },
    get own() {
      return registered;
    },
    hasWork(key) {
      if (key === registered) return true;
      const owner = find.get({ key });
      return owner !== undefined && isAlive(owner);
    },
    findDead() {
      const dead = state.read(() => all.all()).filter((owner) => owner.key !== registered && !isAlive(owner));
      return dead.map(({ key }) => key);
    },
    forget(key) {
      remove.run({ key });
    },
  };
}
