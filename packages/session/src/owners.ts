/**
 * Which process has which work, so that after a death exactly the work of the dead is found.
 *
 * - W1  A process is registered, durably, before it has any work. Its key is given out once.
 *       Also processes of other containers that share the files are told apart: the storage knows how.
 * - W2  Work whose owner is not registered is nobody's: its process is dead and was forgotten.
 * - W3  Who ends what a dead process left first puts itself in its place, so that of several only one does it. If it dies
 *       over that, its own death is found there.
 */
import type { Storage } from "@container-kit/storage";
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
  /** The owners whose processes are gone: from here on no other process finds them, until this one dies (W3). */
  takeDead(): Promise<readonly number[]>;
  /** Removes an owner that has nothing left. Inside a write of the state. */
  forget(key: number): void;
}

export function createOwners(storage: Pick<Storage, "state" | "holder" | "isHolding">): Owners {
  const { state } = storage;
  const { insert, find, all, remove, replace } = prepareOwners(state);
  /** Those of dead processes in whose place this one is. */
  const taken = new Set<number>();
  let registered: number | undefined;
  let registering: Promise<number> | undefined;

  const register = async (): Promise<number> => {
    try {
      const self = storage.holder();
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
      if (taken.has(key)) return false;
      const owner = find.get({ key });
      return owner !== undefined && storage.isHolding(owner);
    },
    async takeDead() {
      const isDead = (owner: typeof owners.$inferSelect): boolean =>
        owner.key !== registered && (taken.has(owner.key) || !storage.isHolding(owner));
      if (!state.read(() => all.all()).some(isDead)) return [];
      const self = storage.holder();
      const dead = await state.write(() => {
        const rows = all.all().filter(isDead);
        for (const { key } of rows) replace.run({ ...self, key });
        return rows.map(({ key }) => key);
      });
      for (const key of dead) taken.add(key);
      return dead;
    },
    forget(key) {
      remove.run({ key });
    },
  };
}

function prepareOwners({ statements }: Storage["state"]) {
  const named = eq(owners.key, sql.placeholder("key"));
  const identity = {
    pid: sql`${sql.placeholder("pid")}`,
    processStart: sql`${sql.placeholder("processStart")}`,
    bootId: sql`${sql.placeholder("bootId")}`,
    namespace: sql`${sql.placeholder("namespace")}`,
    journal: sql`${sql.placeholder("journal")}`,
  };
  return {
    insert: statements.insert(owners).values(identity).returning({ key: owners.key }).prepare(),
    find: statements.select().from(owners).where(named).prepare(),
    all: statements.select().from(owners).prepare(),
    remove: statements.delete(owners).where(named).prepare(),
    replace: statements.update(owners).set(identity).where(named).prepare(),
  };
}
