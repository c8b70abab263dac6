import type { Database as SqliteClient } from "better-sqlite3";

const CREATE = `CREATE TABLE IF NOT EXISTS _journals (name TEXT PRIMARY KEY, offset INTEGER NOT NULL) STRICT, WITHOUT ROWID`;

/** How far each segment has been brought into the tables; kept in the record itself. */
export interface Offsets {
  get(segment: string): number;
  set(segment: string, offset: number): void;
  forget(segment: string): void;
  names(): readonly string[];
}

/** Makes the table if it is not there. */
export function openOffsets(client: SqliteClient): Offsets {
  if (!hasOffsets(client)) client.exec(CREATE);
  const get = client.prepare("SELECT offset FROM _journals WHERE name = ?").pluck();
  const set = client.prepare(`INSERT INTO _journals (name, offset) VALUES (?, ?)
    ON CONFLICT (name) DO UPDATE SET offset = excluded.offset`);
  const forget = client.prepare("DELETE FROM _journals WHERE name = ?");
  const names = client.prepare("SELECT name FROM _journals").pluck();
  return {
    get: (segment) => Number(get.get(segment) ?? 0),
    set: (segment, offset) => void set.run(segment, offset),
    forget: (segment) => void forget.run(segment),
    names: () => names.all().map(String),
  };
}

/** Whether anything was ever brought in. */
export function hasOffsets(client: SqliteClient): boolean {
  return client.prepare("SELECT 1 FROM sqlite_master WHERE name = '_journals'").get() !== undefined;
}
