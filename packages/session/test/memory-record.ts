import type { JournalEntry, OpenProjection, Statements } from "@container-kit/storage";
import { drizzle } from "drizzle-orm/better-sqlite3";
import { recordMigrations } from "../src/record-schema.ts";
import { sessionProjection } from "../src/projection.ts";
import { openSqlite } from "./sqlite.ts";

/** The tables of a record in memory, as a projection fills them, without journals around. */
export interface MemoryRecord extends OpenProjection {
  readonly statements: Statements;
  apply(entries: readonly JournalEntry[]): void;
  prune: NonNullable<OpenProjection["prune"]>;
  count(table: string): number;
}

/** Opens one; it ends with the test's memory. */
export function openMemoryRecord(): MemoryRecord {
  const client = openSqlite(":memory:");
  for (const { statements } of recordMigrations) for (const statement of statements) client.exec(statement);
  const statements: Statements = drizzle({ client: client as never });
  const projection = sessionProjection.open({ statements });
  return {
    statements,
    apply: (entries) => projection.apply(entries),
    prune: (limits, rows) => projection.prune?.(limits, rows) ?? 0,
    count: (table) => Number(client.prepare(`SELECT count(*) FROM ${table}`).pluck().get()),
  };
}
