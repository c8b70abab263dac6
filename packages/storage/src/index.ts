/**
 * Opens the SQLite files that Container Kit remembers in, migrates them and keeps them durable.
 *
 * @packageDocumentation
 */

// Opening: two files behind one URL, checked and ready.
export { openStorage } from "./open-storage.ts";
export type { Storage, StorageOptions } from "./types.ts";

// Using: a package brings its tables and runs statements on them.
export type { Database, Migration, PackageSchema, Statements } from "./types.ts";

// Failing: the codes of this package.
export { storageErrors } from "./errors.ts";
