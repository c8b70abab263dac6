import { integer, sqliteTable, text } from "drizzle-orm/sqlite-core";
import { lt, sql } from "drizzle-orm";
import type { PackageSchema, Projection, Storage } from "../src/index.ts";

export const events = sqliteTable("events", {
  id: integer("id").primaryKey({ autoIncrement: true }),
  at: integer("at").notNull(),
  text: text("text").notNull(),
});

/** Adds a row per entry, so that an entry which is applied twice shows. */
export const eventsProjection: Projection = {
  package: "events",
  steps: ["0001-events"],
  open({ statements }) {
    const add = statements
      .insert(events)
      .values({ at: sql.placeholder("at"), text: sql.placeholder("text") })
      .prepare();
    const oldest = sql`${events.id} IN (SELECT id FROM events ORDER BY id LIMIT ${sql.placeholder("rows")})`;
    const dropOld = statements
      .delete(events)
      .where(sql`${lt(events.at, sql.placeholder("before"))} AND ${oldest}`)
      .prepare();
    const drop = statements.delete(events).where(oldest).prepare();
    const count = statements
      .select({ n: sql<number>`count(*)` })
      .from(events)
      .prepare();
    return {
      apply(entries) {
        for (const { body } of entries) {
          const { at = 0, text } = body as { readonly at?: number; readonly text: string };
          if (text === "poison") throw new RangeError("this entry cannot be applied");
          add.run({ at, text });
        }
      },
      prune({ before, count: most, overSize }, rows) {
        const removed = dropOld.run({ before, rows }).changes;
        if (removed > 0) return removed;
        const over = (count.get()?.n ?? 0) - most;
        if (over <= 0 && !overSize) return 0;
        return drop.run({ rows: overSize ? rows : Math.min(rows, over) }).changes;
      },
    };
  },
};

export const eventsSchema: PackageSchema = {
  package: "events",
  state: [],
  record: [
    {
      id: "0001-events",
      statements: [
        "CREATE TABLE events (id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, text TEXT NOT NULL) STRICT",
      ],
    },
  ],
  projection: eventsProjection,
};

/** Records what happened. */
export function happen(storage: Storage, text: string, at = Date.now()): void {
  storage.record.append("events:happened", JSON.stringify({ at, text }));
}

/** What the tables say has happened, in its order. */
export function happened({ record }: Storage): readonly string[] {
  return record
    .read(() => record.statements.select({ text: events.text }).from(events).orderBy(events.id).all())
    .map(({ text }) => text);
}
