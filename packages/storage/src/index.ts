/**
 * Opens the SQLite files that Container Kit remembers in, migrates them and keeps them durable.
 *
 * @packageDocumentation
 */
export const placeholder = true;
