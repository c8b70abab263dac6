/**
 * What a file says about its own schema: the steps that made it, and the definitions that came of them.
 *
 * The definitions are kept twice because SQLite's check looks at trees, not at the text of a CREATE statement:
 * a damaged letter there would pass, and show later as a column that nobody knows.
 */
import type { Database as SqliteClient } from "better-sqlite3";

const CREATE = `
CREATE TABLE IF NOT EXISTS _migrations (
  package TEXT NOT NULL,
  id TEXT NOT NULL,
  applied_at INTEGER NOT NULL,
  PRIMARY KEY (package, id)
) STRICT;
CREATE TABLE IF NOT EXISTS _definitions (name TEXT PRIMARY KEY, sql TEXT NOT NULL) STRICT;
`;

/** The steps of a package that have been applied. */
export function appliedSteps(client: SqliteClient, owner: string): ReadonlySet<string> {
  if (!hasTable(client, "_migrations")) return new Set();
  const ids = client.prepare("SELECT id FROM _migrations WHERE package = ?").pluck().all(owner);
  return new Set(ids.map(String));
}

/** The packages that have steps applied here. */
export function appliedPackages(client: SqliteClient): ReadonlySet<string> {
  if (!hasTable(client, "_migrations")) return new Set();
  return new Set(client.prepare("SELECT DISTINCT package FROM _migrations").pluck().all().map(String));
}

/** Notes steps as applied, and all definitions as they are now. Inside the transaction that applied them. */
export function noteApplied(client: SqliteClient, owner: string, ids: readonly string[], now: number): void {
  client.exec(CREATE);
  const note = client.prepare("INSERT INTO _migrations (package, id, applied_at) VALUES (?, ?, ?)");
  for (const id of ids) note.run(owner, id, now);
  client.exec(`DELETE FROM _definitions;
    INSERT INTO _definitions SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL`);
}

/** The name of a table or an index that is no longer what it was made as. What somebody has added is no matter. */
export function findChangedDefinition(client: SqliteClient): string | undefined {
  if (!hasTable(client, "_definitions")) return undefined;
  const changed = client.prepare(`SELECT name FROM _definitions AS made
    WHERE NOT EXISTS (SELECT 1 FROM sqlite_master AS found WHERE found.name = made.name AND found.sql = made.sql)`);
  return changed.pluck().get() as string | undefined;
}

function hasTable(client: SqliteClient, name: string): boolean {
  return client.prepare("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?").get(name) !== undefined;
}
