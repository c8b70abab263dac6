/**
 * What is to be undone, should an execution not complete.
 *
 * - U1  A note is durable before what it announces is made.
 * - U2  A task belongs to one process at a time; that of a dead process goes to the first that asks.
 * - U3  What an execution made that completed is not undone, even if its process died before it could say so here.
 */
import type { Database } from "@container-kit/storage";
import { desc, eq, sql } from "drizzle-orm";
import { fromJsonText, toWholeJsonText } from "./json-text.ts";
import type { Owners } from "./owners.ts";
import { undoNotes as notes } from "./state-tables.ts";
import type { UndoTask } from "./types.ts";

/** Whose note it is. */
interface NotedExecution {
  readonly executionId: string;
  readonly sessionId: string;
  readonly tool: string;
}

/** The notes of the state file. */
export interface UndoNotes {
  add(execution: NotedExecution, note: unknown): Promise<void>;
  of(executionId: string): readonly unknown[];
  clear(executionId: string): Promise<void>;
  /** The same, inside a write of the state. */
  forget(executionId: string): void;
  fail(executionId: string): Promise<void>;
  /** Takes over what dead processes left. */
  claim(): Promise<readonly UndoTask[]>;
}

export function createUndoNotes(state: Database, owners: Owners): UndoNotes {
  const prepared = prepare(state);
  return {
    async add(execution, note) {
      const owner = await owners.key();
      const text = toWholeJsonText(note);
      await state.write(() => prepared.insert.run({ ...execution, owner, note: text }));
    },
    of: (executionId) => state.read(() => prepared.of.all({ executionId })).map(({ note }) => fromJsonText(note)),
    async clear(executionId) {
      await state.write(() => prepared.clear.run({ executionId }));
    },
    forget(executionId) {
      prepared.clear.run({ executionId });
    },
    async fail(executionId) {
      await state.write(() => prepared.fail.run({ executionId }));
    },
    async claim() {
      const own = await owners.key();
      return state.write(() => {
        const left = prepared.executions.all().filter(({ owner }) => !owners.hasWork(owner));
        return left.map(({ owner: _owner, ...task }) => {
          prepared.take.run({ executionId: task.executionId, owner: own });
          const found = prepared.of.all({ executionId: task.executionId });
          return { ...task, notes: found.map(({ note }) => fromJsonText(note)) };
        });
      });
    },
  };
}

function prepare({ statements }: Database) {
  const ofExecution = eq(notes.executionId, sql.placeholder("executionId"));
  const next = sql`(SELECT coalesce(max(seq), 0) + 1 FROM undo_notes WHERE execution_id = ${sql.placeholder("executionId")})`;
  return {
    insert: statements
      .insert(notes)
      .values({
        executionId: sql.placeholder("executionId"),
        seq: next,
        sessionId: sql.placeholder("sessionId"),
        tool: sql.placeholder("tool"),
        note: sql.placeholder("note"),
        owner: sql.placeholder("owner"),
        attempts: 0,
      })
      .prepare(),
    of: statements.select({ note: notes.note }).from(notes).where(ofExecution).orderBy(desc(notes.seq)).prepare(),
    clear: statements.delete(notes).where(ofExecution).prepare(),
    fail: statements
      .update(notes)
      .set({ attempts: sql`${notes.attempts} + 1` })
      .where(ofExecution)
      .prepare(),
    executions: statements
      .select({
        executionId: notes.executionId,
        sessionId: notes.sessionId,
        tool: notes.tool,
        owner: notes.owner,
        attempts: sql<number>`max(${notes.attempts})`,
      })
      .from(notes)
      .groupBy(notes.executionId)
      .orderBy(desc(notes.executionId))
      .prepare(),
    take: statements
      .update(notes)
      .set({ owner: sql`${sql.placeholder("owner")}` })
      .where(ofExecution)
      .prepare(),
  };
}
