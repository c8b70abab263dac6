import type { PackageSchema } from "@container-kit/storage";

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

const EXECUTIONS = [
  `CREATE TABLE execution_starts (
    seq INTEGER PRIMARY KEY,
    session_id TEXT NOT NULL,
    job_id TEXT,
    owner INTEGER NOT NULL,
    tool TEXT NOT NULL,
    correlation_id TEXT NOT NULL,
    dry_run INTEGER NOT NULL,
    input TEXT NOT NULL,
    started_at INTEGER NOT NULL
  ) STRICT`,
  `CREATE INDEX execution_starts_by_session ON execution_starts (session_id)`,
  `CREATE TABLE execution_ends (
    seq INTEGER PRIMARY KEY,
    status TEXT NOT NULL,
    result TEXT,
    error TEXT,
    ended_at INTEGER
  ) STRICT`,
];

/** The tables of this package, as steps. A step that was released is never changed. */
export const sessionSchema: PackageSchema = {
  package: "session",
  state: [{ id: "0001-sessions", statements: SESSIONS }],
  record: [{ id: "0001-executions", statements: EXECUTIONS }],
};
