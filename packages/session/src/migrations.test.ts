import { openStorage } from "@container-kit/storage";
import { getTableColumns, getTableName, sql } from "drizzle-orm";
import type { SQLiteTable } from "drizzle-orm/sqlite-core";
import { expect, test } from "vitest";
import { tempFolder } from "../test/temp-folder.ts";
import { sessionSchema } from "./migrations.ts";
import { executionEnds, executionStarts, idempotencyKeys, jobs, owners, sessions } from "./tables.ts";

test("the migrations make exactly the tables that the statements are built on", async () => {
  const storage = await openStorage(`sqlite:${tempFolder()}/`);
  storage.migrate(sessionSchema);
  const tables = { state: [sessions, owners, jobs, idempotencyKeys], record: [executionStarts, executionEnds] };
  for (const which of ["state", "record"] as const) {
    const { statements } = storage[which];
    for (const table of tables[which]) {
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
  return Object.values(getTableColumns(table)).map(({ name, notNull }) => ({ name, required: Number(notNull) }));
}
