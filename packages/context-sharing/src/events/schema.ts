import type { Migration } from "@container-kit/storage";

const EVENTS = [
  // AUTOINCREMENT: a number is never given twice, also when the newest event is removed.
  `CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL,
    at INTEGER NOT NULL,
    type TEXT NOT NULL,
    session_id TEXT,
    correlation_id TEXT,
    execution_id TEXT,
    data TEXT NOT NULL
  ) STRICT`,
  `CREATE INDEX events_by_session ON events (session_id) WHERE session_id IS NOT NULL`,
  `CREATE TABLE event_floor (only INTEGER PRIMARY KEY CHECK (only = 1), seq INTEGER NOT NULL) STRICT`,
  `INSERT INTO event_floor (only, seq) VALUES (1, 0)`,
  `CREATE TABLE event_places (
    name TEXT PRIMARY KEY,
    seq INTEGER NOT NULL,
    used_at INTEGER NOT NULL,
    token TEXT,
    holder TEXT
  ) STRICT, WITHOUT ROWID`,
];

/** The steps of its tables; ids begin with `events-`. */
export const eventMigrations: readonly Migration[] = [{ id: "events-1", statements: EVENTS }];
