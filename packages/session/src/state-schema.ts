import type { Migration } from "@container-kit/storage";

const SESSIONS = [
  `CREATE TABLE sessions (
    id TEXT PRIMARY KEY,
    created_at INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL
  ) STRICT`,
  `CREATE INDEX sessions_by_use ON sessions (last_used_at)`,
  `CREATE TABLE owners (
    key INTEGER PRIMARY KEY AUTOINCREMENT,
    pid INTEGER NOT NULL,
    process_start TEXT,
    boot_id TEXT,
    first_seq INTEGER NOT NULL,
    unended_from INTEGER NOT NULL
  ) STRICT`,
  `CREATE TABLE jobs (
    id TEXT PRIMARY KEY,
    session_id TEXT NOT NULL REFERENCES sessions (id),
    execution_id TEXT NOT NULL,
    owner INTEGER NOT NULL,
    tool TEXT NOT NULL,
    status TEXT NOT NULL,
    progress_message TEXT,
    progress_current REAL,
    progress_total REAL,
    started_at INTEGER NOT NULL,
    ended_at INTEGER
  ) STRICT`,
  `CREATE INDEX jobs_by_session ON jobs (session_id)`,
  `CREATE INDEX jobs_running ON jobs (owner) WHERE status = 'running'`,
  `CREATE TABLE idempotency_keys (
    key TEXT PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    execution_id TEXT NOT NULL,
    owner INTEGER NOT NULL,
    outcome TEXT,
    claimed_at INTEGER NOT NULL
  ) STRICT`,
  `CREATE INDEX idempotency_keys_pending ON idempotency_keys (owner) WHERE outcome IS NULL`,
];

const SESSION_PROPERTIES = [
  `ALTER TABLE sessions ADD COLUMN labels TEXT NOT NULL DEFAULT '{}'`,
  `ALTER TABLE sessions ADD COLUMN metadata TEXT NOT NULL DEFAULT '{}'`,
  `ALTER TABLE sessions ADD COLUMN lifetime_ms INTEGER`,
  `ALTER TABLE sessions ADD COLUMN expired_at INTEGER`,
  `ALTER TABLE sessions ADD COLUMN disk_quota INTEGER`,
  `CREATE TABLE session_labels (
    session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (session_id, key)
  ) STRICT, WITHOUT ROWID`,
  `CREATE INDEX session_labels_by_value ON session_labels (key, value)`,
  // Where an owner's work began is asked of the record since this step.
  `ALTER TABLE owners DROP COLUMN first_seq`,
  `ALTER TABLE owners DROP COLUMN unended_from`,
];

/** A column cannot lose its NOT NULL: the table is made anew. */
const JOBS = [
  `CREATE TABLE jobs_0002 (
    id TEXT PRIMARY KEY,
    session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    execution_id TEXT,
    owner INTEGER,
    tool TEXT NOT NULL,
    status TEXT NOT NULL,
    fence INTEGER NOT NULL,
    beat INTEGER NOT NULL,
    progress_message TEXT,
    progress_current REAL,
    progress_total REAL,
    cancel_requested INTEGER NOT NULL,
    work TEXT,
    outcome TEXT,
    created_at INTEGER NOT NULL,
    started_at INTEGER,
    heartbeat_at INTEGER,
    ended_at INTEGER
  ) STRICT`,
  `INSERT INTO jobs_0002 SELECT id, session_id, execution_id, owner, tool, status, 1, 1,
    progress_message, progress_current, progress_total, 0, NULL, NULL, started_at, started_at, started_at, ended_at
    FROM jobs ORDER BY rowid`,
  `DROP TABLE jobs`,
  `ALTER TABLE jobs_0002 RENAME TO jobs`,
  `CREATE INDEX jobs_by_session ON jobs (session_id, created_at)`,
  `CREATE INDEX jobs_by_creation ON jobs (created_at)`,
  `CREATE INDEX jobs_running ON jobs (owner) WHERE status = 'running'`,
  `CREATE INDEX jobs_pending ON jobs (created_at) WHERE status = 'pending'`,
];

const PROMISES = [
  `ALTER TABLE idempotency_keys ADD COLUMN session_id TEXT`,
  `ALTER TABLE idempotency_keys ADD COLUMN settled_at INTEGER`,
  `UPDATE idempotency_keys SET settled_at = claimed_at WHERE outcome IS NOT NULL`,
  `CREATE INDEX idempotency_keys_settled ON idempotency_keys (settled_at) WHERE settled_at IS NOT NULL`,
  `CREATE INDEX idempotency_keys_by_session ON idempotency_keys (session_id) WHERE session_id IS NOT NULL`,
  `CREATE TABLE undo_notes (
    execution_id TEXT NOT NULL,
    seq INTEGER NOT NULL,
    session_id TEXT NOT NULL,
    tool TEXT NOT NULL,
    note TEXT NOT NULL,
    owner INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    PRIMARY KEY (execution_id, seq)
  ) STRICT, WITHOUT ROWID`,
  `CREATE TABLE deletions (session_id TEXT PRIMARY KEY, jobs TEXT NOT NULL) STRICT`,
];

/** The steps of the state file. A step that was released is never changed. */
export const stateMigrations: readonly Migration[] = [
  { id: "0001-sessions", statements: SESSIONS },
  { id: "0002-labels-jobs-undo", statements: [...SESSION_PROPERTIES, ...JOBS, ...PROMISES] },
  {
    id: "0003-owners-in-containers",
    statements: [`ALTER TABLE owners ADD COLUMN namespace TEXT`, `ALTER TABLE owners ADD COLUMN journal TEXT`],
  },
];
