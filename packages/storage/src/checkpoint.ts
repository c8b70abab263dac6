import type { Database as SqliteClient } from "better-sqlite3";

/** How many pages wait in the log before a checkpoint is worth the new header that the next writer then syncs. */
const CHECKPOINT_FROM_PAGES = 1000;
/** A log of so many pages is begun anew, for which readers and writers are waited for as long as the connection waits. */
const RESTART_FROM_PAGES = 8000;

/** Brings the log of a file into the file, when enough waits there. Asking is cheap. */
export function shortenLog(client: SqliteClient): void {
  const [{ log, checkpointed } = { log: 0, checkpointed: 0 }] = client.pragma("wal_checkpoint(NOOP)") as {
    log: number;
    checkpointed: number;
  }[];
  if (log - checkpointed >= CHECKPOINT_FROM_PAGES) client.pragma("wal_checkpoint(PASSIVE)");
  // After the other, which keeps no writer waiting: this one does, for what was written meanwhile.
  if (log >= RESTART_FROM_PAGES) client.pragma("wal_checkpoint(RESTART)");
}
