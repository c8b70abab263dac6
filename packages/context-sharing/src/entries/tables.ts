/** The tables of context entries. A change here is a further step in schema.ts. */
import { integer, primaryKey, sqliteTable, text } from "drizzle-orm/sqlite-core";

const shared = {
  version: integer("version").notNull(),
  /** Orders the shares of a session: by time, and rising where the clock does not. */
  seq: integer("seq").notNull(),
  /** The version of the type that the value is of. */
  schema: integer("schema").notNull(),
  created: integer("created").notNull(),
  expires: integer("expires").notNull(),
  size: integer("size").notNull(),
  tool: text("tool").notNull(),
  execution: text("execution").notNull(),
  /** JSON. */
  labels: text("labels").notNull(),
  /** JSON. */
  value: text("value").notNull(),
};

/** The present version of each entry. */
export const entries = sqliteTable(
  "context_entries",
  {
    session: text("session").notNull(),
    type: text("type").notNull(),
    key: text("key").notNull(),
    ...shared,
    /** The highest version there ever was, which may have been removed; the next one is above it. */
    last: integer("last").notNull(),
    /** Bytes of the values of all its kept versions. */
    held: integer("held").notNull(),
    /** The ids of its earlier versions that are kept, the oldest first. JSON. */
    kept: text("kept").notNull(),
  },
  (table) => [primaryKey({ columns: [table.session, table.type, table.key] })],
);

/** Earlier versions of entries, which list them; triggers fill and empty it. */
export const past = sqliteTable("context_past", { id: integer("id").primaryKey(), ...shared });

/** What there is of one version. */
export type VersionRow = Omit<typeof entries.$inferSelect, "last" | "held" | "kept">;

/** What a share writes. */
export type NewRow = Omit<VersionRow, "version"> & {
  /** The version that it follows, 0 where there must be none; null: any. */
  readonly expected: number | null;
};
