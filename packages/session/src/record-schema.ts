import type { Migration } from "@container-kit/storage";
import { RATIO, SHORTEST_MS } from "./histogram.ts";

const APPENDED = [
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

const TABLES = [
  `CREATE TABLE executions (
    id TEXT PRIMARY KEY,
    session_id TEXT NOT NULL,
    job_id TEXT,
    owner INTEGER NOT NULL,
    tool TEXT NOT NULL,
    correlation_id TEXT NOT NULL,
    parent TEXT,
    dry_run INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    input TEXT NOT NULL,
    status TEXT NOT NULL,
    result TEXT,
    started_at INTEGER NOT NULL,
    ended_at INTEGER,
    duration_ms REAL
  ) STRICT`,
  `CREATE TABLE errors (
    execution_id TEXT PRIMARY KEY,
    session_id TEXT NOT NULL,
    job_id TEXT,
    tool TEXT NOT NULL,
    status TEXT NOT NULL,
    code TEXT NOT NULL,
    error TEXT NOT NULL,
    causes TEXT NOT NULL,
    at INTEGER NOT NULL
  ) STRICT`,
  `CREATE TABLE summaries (
    scope TEXT NOT NULL,
    at INTEGER NOT NULL,
    tool TEXT NOT NULL,
    count INTEGER NOT NULL,
    completed INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    cancelled INTEGER NOT NULL,
    interrupted INTEGER NOT NULL,
    total_ms REAL NOT NULL,
    max_ms REAL NOT NULL,
    first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    last_id TEXT NOT NULL,
    histogram TEXT NOT NULL,
    PRIMARY KEY (scope, at, tool)
  ) STRICT, WITHOUT ROWID`,
  `CREATE TABLE error_counts (
    scope TEXT NOT NULL,
    tool TEXT NOT NULL,
    code TEXT NOT NULL,
    count INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    PRIMARY KEY (scope, tool, code)
  ) STRICT, WITHOUT ROWID`,
  `CREATE TABLE deleted_sessions (session_id TEXT PRIMARY KEY, at INTEGER NOT NULL, has_rows INTEGER NOT NULL) STRICT`,
  `CREATE TABLE record_size (name TEXT PRIMARY KEY, count INTEGER NOT NULL) STRICT`,
];

/** After the rows, which is faster than with each of them. The status is in them so that a page of one status reads no other rows. */
const INDEXES = [
  `CREATE INDEX executions_by_session ON executions (session_id, id, status)`,
  `CREATE INDEX executions_by_tool ON executions (tool, id, status)`,
  `CREATE INDEX executions_not_completed ON executions (status, id) WHERE status <> 'completed'`,
  `CREATE INDEX errors_by_session ON errors (session_id, execution_id)`,
  `CREATE INDEX errors_by_tool ON errors (tool, execution_id)`,
];

/** SQLite writes no base 36: digit by digit, as many as ids of that time have. */
const OLD_ID = `'exe_' || ${Array.from({ length: 10 }, (_, index) => {
  const digit = `(starts.seq / ${36 ** (9 - index)}) % 36`;
  return `substr('0123456789abcdefghijklmnopqrstuvwxyz', ${digit} + 1, 1)`;
}).join(" || ")}`;

const HOUR = 60 * 60 * 1000;

/** The rows of the first step, and what would have been counted of them. */
const MOVES = [
  `INSERT INTO executions SELECT ${OLD_ID}, session_id, job_id, owner, tool, correlation_id, NULL, dry_run, 1, input,
    coalesce(status, 'running'), result, started_at, ended_at,
    iif(ended_at IS NULL, NULL, max(0, ended_at - started_at))
    FROM execution_starts AS starts LEFT JOIN execution_ends AS ends ON ends.seq = starts.seq ORDER BY starts.seq`,
  `INSERT INTO errors SELECT ${OLD_ID}, session_id, job_id, tool, status,
    iif(json_valid(error), coalesce(json_extract(error, '$.code'), 'INTERNAL'), 'INTERNAL'), error, '[]',
    coalesce(ended_at, started_at)
    FROM execution_ends AS ends JOIN execution_starts AS starts ON ends.seq = starts.seq
    WHERE error IS NOT NULL ORDER BY ends.seq`,
  `INSERT INTO error_counts SELECT scope, tool, code, count(*), max(at)
    FROM (SELECT 'all' AS scope, tool, code, at FROM errors UNION ALL SELECT session_id, tool, code, at FROM errors)
    GROUP BY scope, tool, code`,
  `CREATE TEMP TABLE counted AS SELECT
    iif(kind = 'session', session_id, kind) AS scope,
    CASE kind WHEN 'hour' THEN started_at - started_at % ${HOUR} WHEN 'day' THEN started_at - started_at % ${24 * HOUR}
      ELSE 0 END AS at,
    tool, status, started_at, id, duration_ms AS ms,
    CAST(ceil(ln(max(duration_ms, ${SHORTEST_MS})) / ln(${RATIO})) AS INTEGER) AS bucket
    FROM executions, (SELECT 'all' AS kind UNION ALL SELECT 'hour' UNION ALL SELECT 'day' UNION ALL SELECT 'session')`,
  `INSERT INTO summaries SELECT scope, at, tool, count(*), sum(status = 'completed'), sum(status = 'failed'),
    sum(status = 'cancelled'), sum(status = 'interrupted'), coalesce(sum(ms), 0.0), coalesce(max(ms), 0.0),
    min(started_at), max(started_at), max(id), '{}' FROM counted GROUP BY scope, at, tool`,
  `UPDATE summaries SET histogram = made.histogram FROM (
      SELECT scope, at, tool, json_group_object(CAST(bucket AS TEXT), times) AS histogram FROM (
        SELECT scope, at, tool, bucket, count(*) AS times FROM counted WHERE ms IS NOT NULL GROUP BY 1, 2, 3, 4
      ) GROUP BY scope, at, tool
    ) AS made WHERE made.scope = summaries.scope AND made.at = summaries.at AND made.tool = summaries.tool`,
  `DROP TABLE temp.counted`,
  `INSERT INTO record_size SELECT 'executions', count(*) FROM executions`,
  `DROP TABLE execution_starts`,
  `DROP TABLE execution_ends`,
];

/** The steps of the record. A step that was released is never changed. */
export const recordMigrations: readonly Migration[] = [
  { id: "0001-executions", statements: APPENDED },
  { id: "0002-projected", statements: [...TABLES, ...MOVES, ...INDEXES] },
];
