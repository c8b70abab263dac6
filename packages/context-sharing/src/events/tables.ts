/** The tables of the events. A change here is a further step in schema.ts. */
import { integer, sqliteTable, text } from "drizzle-orm/sqlite-core";

export const events = sqliteTable("events", {
  /** The order of all events: given under the lock of the one writer. */
  seq: integer("seq").primaryKey({ autoIncrement: true }),
  id: text("id").notNull(),
  at: integer("at").notNull(),
  type: text("type").notNull(),
  sessionId: text("session_id"),
  correlationId: text("correlation_id"),
  executionId: text("execution_id"),
  /** JSON. */
  data: text("data").notNull(),
});

/** One row: up to where events were removed for their age or number. Those of a removed session leave holes above it. */
export const eventFloor = sqliteTable("event_floor", {
  only: integer("only").primaryKey(),
  seq: integer("seq").notNull(),
});

/** How far the subscribers with a name got. */
export const eventPlaces = sqliteTable("event_places", {
  name: text("name").primaryKey(),
  seq: integer("seq").notNull(),
  usedAt: integer("used_at").notNull(),
  /** Which subscription has the name; null when none. */
  token: text("token"),
  /** Its process, as JSON. */
  holder: text("holder"),
});

/** SQLite's own, with the last number that was given. */
export const sequences = sqliteTable("sqlite_sequence", {
  name: text("name").notNull(),
  seq: integer("seq").notNull(),
});
