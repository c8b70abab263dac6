/**
 * Opens the SQLite files that Container Kit remembers in, migrates them and keeps them durable.
 *
 * @packageDocumentation
 */

// Opening: three files and the journals behind one URL, checked and ready.
export { openStorage } from "./open-storage.ts";
export type { Retention, Storage, StorageHealth, StorageOptions } from "./types.ts";

// Using: a package brings its tables and runs statements on them.
export type { BuiltQuery, Database, DirectQuery, Migration, PackageSchema, RecordLog } from "./types.ts";
export type { SharedDatabase, Statements } from "./types.ts";

// Recording: a package says how its tables come of the journal.
export type { JournalEntry, OpenProjection, Projection, RetentionLimits } from "./types.ts";

// Keeping: the thread that makes the tables, and copies of the store.
export { runRecordKeeper } from "./record-keeper.ts";
export { listBackups } from "./backup.ts";
export { restoreBackup } from "./restore.ts";
export type { Backup, BackupOptions, RestoredBackup, RestoreOptions } from "./types.ts";

// Owning: which process it is, for work that outlives one.
export type { ProcessIdentity } from "./process-identity.ts";
export type { StoreHolder } from "./types.ts";

// Failing: the codes of this package.
export { storageErrors } from "./errors.ts";
