import { tempFolder } from "@container-kit/config/temp-folder";
import { openStorage } from "@container-kit/storage";
import { getTableColumns, getTableName, sql } from "drizzle-orm";
import type { SQLiteTable } from "drizzle-orm/sqlite-core";
import { expect, test } from "vitest";
import { sessionSchema } from "./migrations.ts";
import { deletedSessions, errorCounts, errors, executions, recordSize, summaries } from "./record-tables.ts";
import { deletions, idempotencyKeys, jobs, owners, sessionLabels, sessions, undoNotes } from "./state-tables.ts";

const TABLES = {
  state: [sessions, sessionLabels, owners, jobs, idempotencyKeys, undoNotes, deletions],
  record: [executions, errors, summaries, errorCounts, deletedSessions, recordSize],
};

test("the migrations make exactly the tables that the statements are built on", async () => {
  const storage = await openStorage(`sqlite:${tempFolder()}/`);
  storage.migrate(sessionSchema);
  for (const which of ["state", "record"] as const) {
    const { statements } = storage[which];
    for (const table of TABLES[which]) {
      const info = sql`pragma_table_info(${sql.raw(`'${getTableName(table)}'`)})`;
      const made = statements
        .select({ name: sql<string>`name`, required: sql<number>`"notnull" OR pk` })
        .from(info)
        .all();
      expect([getTableName(table), made]).toEqual([getTableName(table), declared(table)]);
    }
  }
  await storage.close();
});

function declared(table: SQLiteTable): readonly { name: string; required: number }[] {
  return Object.values(getTableColumns(table)).map(({ name, notNull, primary }) => ({
    name,
    required: Number(notNull || primary),
  }));
}
