import type { Migration } from "@container-kit/storage";

/** How many versions of an entry are kept, the present one included. */
export const KEPT_VERSIONS = 16;

/**
 * The steps of its tables; ids begin with `entries-`.
 *
 * - M1  What a read needs lies in one row, and what a share changes in two pages: the present version by its name, and an
 *       earlier one. That is added at the end while the entry's history fills, and lies over the oldest one then.
 * - M2  The table of earlier versions has no index, which would be another page: `kept` lists the rows of an entry, as JSON,
 *       the oldest first. It names those that there are and no others: the triggers change them together with it.
 * - M3  There is no index by time: it would cost each share more than the sweep's walk over the table costs all day.
 * - M4  Rows lie in the order in which they came: in that of their names, a new one would go between others, into pages
 *       that are full, and move them.
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
        kept TEXT NOT NULL,
        tool TEXT NOT NULL,
        execution TEXT NOT NULL,
        labels TEXT NOT NULL,
        value TEXT NOT NULL,
        PRIMARY KEY (session, type, key)
      ) STRICT`,
      `CREATE TABLE context_past (
        id INTEGER PRIMARY KEY,
        version INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        schema INTEGER NOT NULL,
        created INTEGER NOT NULL,
        expires INTEGER NOT NULL,
        size INTEGER NOT NULL,
        tool TEXT NOT NULL,
        execution TEXT NOT NULL,
        labels TEXT NOT NULL,
        value TEXT NOT NULL
      ) STRICT`,
      // What had been the present version is the last in the list; where it is full, over the one that was the oldest.
      `CREATE TRIGGER context_entries_follow AFTER UPDATE OF last ON context_entries WHEN new.last > old.last BEGIN
        INSERT INTO context_past VALUES (new.kept ->> '$[#-1]', old.version, old.seq, old.schema, old.created, old.expires,
          old.size, old.tool, old.execution, old.labels, old.value)
        ON CONFLICT (id) DO UPDATE SET version = excluded.version, seq = excluded.seq,
          schema = excluded.schema, created = excluded.created, expires = excluded.expires, size = excluded.size,
          tool = excluded.tool, execution = excluded.execution, labels = excluded.labels, value = excluded.value;
      END`,
      `CREATE TRIGGER context_entries_anew AFTER UPDATE OF kept ON context_entries WHEN new.last <= old.last BEGIN
        DELETE FROM context_past WHERE id IN (SELECT value FROM json_each(old.kept))
          AND id NOT IN (SELECT value FROM json_each(new.kept));
      END`,
      `CREATE TRIGGER context_entries_gone AFTER DELETE ON context_entries WHEN old.kept <> '[]' BEGIN
        DELETE FROM context_past WHERE id IN (SELECT value FROM json_each(old.kept));
      END`,
    ],
  },
];
