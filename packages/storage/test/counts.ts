import { integer, sqliteTable, text } from "drizzle-orm/sqlite-core";
import { sql } from "drizzle-orm";
import type { PackageSchema, Storage } from "../src/index.ts";

const counts = sqliteTable("counts", { name: text("name").primaryKey(), n: integer("n").notNull() });

/** A table of the shared file. */
export const countsSchema: PackageSchema = {
  package: "counts",
  state: [],
  record: [],
  shared: [
    {
      id: "0001-counts",
      statements: ["CREATE TABLE counts (name TEXT PRIMARY KEY, n INTEGER NOT NULL) STRICT, WITHOUT ROWID"],
    },
  ],
};

/** What counts on, inside a write; says the number that it came to. */
export function createCount({ shared }: Storage): (name: string) => number {
  const next = shared.statements
    .insert(counts)
    .values({ name: sql.placeholder("name"), n: 1 })
    .onConflictDoUpdate({ target: counts.name, set: { n: sql`${counts.n} + 1` } })
    .returning({ n: counts.n })
    .prepare();
  return (name) => next.get({ name }).n;
}

/** How far a name has been counted. */
export function countOf({ shared }: Storage, name: string): number {
  const rows = shared.read(() => shared.statements.select().from(counts).all());
  return rows.find((row) => row.name === name)?.n ?? 0;
}
