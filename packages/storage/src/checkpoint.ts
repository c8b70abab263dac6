import type { Database as SqliteClient } from "better-sqlite3";

/** How many pages wait in the log before a checkpoint is worth the new header that the next writer then syncs. */
const CHECKPOINT_FROM_PAGES = 1000;
/** A log of so many pages is begun anew, for which readers and writers are waited for as long as the connection waits. */
const RESTART_FROM_PAGES = 8000;

/** Brings the log of a file into the file, when enough waits there. Asking is cheap. */
export function shortenLog(client: SqliteClient): void {
  const { log, checkpointed } = checkpoint(client, "NOOP");
  if (log - checkpointed >= CHECKPOINT_FROM_PAGES) checkpoint(client, "PASSIVE");
  // After the other, which keeps no writer waiting: this one does, for what was written meanwhile.
  if (log >= RESTART_FROM_PAGES && checkpoint(client, "RESTART").busy === 0) beginLog(client);
}

interface Checkpointed {
  readonly busy: number;
  readonly log: number;
  readonly checkpointed: number;
}

function checkpoint(client: SqliteClient, mode: "NOOP" | "PASSIVE" | "RESTART"): Checkpointed {
  const [done] = client.pragma(`wal_checkpoint(${mode})`) as Checkpointed[];
  return done ?? { busy: 0, log: 0, checkpointed: 0 };
}

/** Who writes first to a log that begins anew waits for the disk, whatever the file's `synchronous`: no call is to be that one. */
function beginLog(client: SqliteClient): void {
  try {
    client.pragma(`user_version = ${Number(client.pragma("user_version", { simple: true }))}`);
  } catch {
    // Another has come first and waits. What else may be wrong shows with the next write.
  }
}
