import type { Migration } from "@container-kit/storage";

/** How many versions of an entry are kept, the present one included. */
export const KEPT_VERSIONS = 16;

/**
 * The steps of its tables; ids begin with `entries-`.
 *
 * What a read needs lies in one row and what a share changes in as few pages as can be: the present version by its name,
 * and the earlier ones in a ring of places per entry, which a trigger fills. There is no index by time: it would cost each
 * share more than the sweep's walk over the table costs all day. Rows lie in the order in which they came: in that of their
 * names, a new one would go between others, into pages that are full, and move them.
 */
export const entryMigrations: readonly Migration[] = [
  {
    id: "entries-0001",
    statements: [
      `CREATE TABLE context_entries (
        session TEXT NOT NULL,
        type TEXT NOT NULL,
        key TEXT NOT NULL,
        version INTEGER NOT NULL,
        last INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        schema INTEGER NOT NULL,
        created INTEGER NOT NULL,
        expires INTEGER NOT NULL,
        size INTEGER NOT NULL,
        held INTEGER NOT NULL,
        tool TEXT NOT NULL,
        execution TEXT NOT NULL,
        labels TEXT NOT NULL,
        value TEXT NOT NULL,
        PRIMARY KEY (session, type, key)
      ) STRICT`,
      `CREATE TABLE context_past (
        session TEXT NOT NULL,
        type TEXT NOT NULL,
        key TEXT NOT NULL,
        place INTEGER NOT NULL,
        version INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        schema INTEGER NOT NULL,
        created INTEGER NOT NULL,
        expires INTEGER NOT NULL,
        size INTEGER NOT NULL,
        tool TEXT NOT NULL,
        execution TEXT NOT NULL,
        labels TEXT NOT NULL,
        value TEXT NOT NULL,
        PRIMARY KEY (session, type, key, place)
      ) STRICT`,
      `CREATE TRIGGER context_entries_follow AFTER UPDATE OF last ON context_entries WHEN new.last > old.last BEGIN
        INSERT INTO context_past VALUES (old.session, old.type, old.key, old.version % ${KEPT_VERSIONS - 1}, old.version,
          old.seq, old.schema, old.created, old.expires, old.size, old.tool, old.execution, old.labels, old.value)
        ON CONFLICT (session, type, key, place) DO UPDATE SET version = excluded.version, seq = excluded.seq,
          schema = excluded.schema, created = excluded.created, expires = excluded.expires, size = excluded.size,
          tool = excluded.tool, execution = excluded.execution, labels = excluded.labels, value = excluded.value;
      END`,
      `CREATE TRIGGER context_entries_anew AFTER UPDATE OF last ON context_entries WHEN new.last <= old.last BEGIN
        DELETE FROM context_past WHERE session = old.session AND type = old.type AND key = old.key;
      END`,
      `CREATE TRIGGER context_entries_gone AFTER DELETE ON context_entries BEGIN
        DELETE FROM context_past WHERE session = old.session AND type = old.type AND key = old.key;
      END`,
    ],
  },
];
