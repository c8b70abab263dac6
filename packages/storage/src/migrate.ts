/**
 * Brings a file to the schema of a package.
 *
 * - M1  What has been applied is written in the file itself, in the transaction that applied it.
 * - M2  A file that holds a step this program does not know is refused before anything is written.
 * - M3  Two processes may start at once: the steps are looked up again under the write lock.
 */
import type { Database as SqliteDatabase } from "better-sqlite3";
import { failpoint } from "./failpoint.ts";
import { appliedSteps, noteApplied } from "./ledger.ts";
import { newerThanThis } from "./open-file.ts";
import type { Migration } from "./types.ts";

/** One file and what a package wants to find in it. */
export interface MigrationPlan {
  readonly client: SqliteDatabase;
  readonly package: string;
  readonly migrations: readonly Migration[];
}

/** The steps that a file lacks, in order. @throws STORE_UNAVAILABLE when the file is ahead of this program (M2). */
export function pendingMigrations({ client, package: owner, migrations }: MigrationPlan): readonly Migration[] {
  const applied = appliedSteps(client, owner);
  const known = new Set(migrations.map(({ id }) => id));
  const unknown = [...applied].filter((id) => !known.has(id));
  if (unknown.length > 0) throw newerThanThis(client.name, `${owner}: ${unknown.join(", ")}`);
  return migrations.filter(({ id }) => !applied.has(id));
}

/** Applies the steps that a file lacks; changes nothing when there are none. */
export function applyMigrations(plan: MigrationPlan, now: number): void {
  if (pendingMigrations(plan).length === 0) return;
  const { client } = plan;
  const apply = client.transaction(() => {
    const steps = pendingMigrations(plan);
    for (const { statements } of steps) {
      for (const statement of statements) client.exec(statement);
      failpoint("migrate.step");
    }
    const ids = steps.map(({ id }) => id);
    noteApplied(client, plan.package, ids, now);
  });
  apply.immediate();
  failpoint("migrate.end");
}
