/**
 * Named places at which a test may kill or hold the process. Does nothing unless a test put a function at
 * `globalThis[Symbol.for("container-kit.failpoint")]`; it is then called with the name.
 */

/** Every named place, in the order in which a line meets them. */
export type Failpoint =
  | "journal.append.before"
  | "journal.append.after"
  | "journal.rotate"
  | "ingest.applied"
  | "ingest.committed"
  | "ingest.synced"
  | "ingest.deleted"
  | "migrate.step"
  | "migrate.end"
  | "prune.batch"
  | "backup.state"
  | "backup.record"
  | "backup.shared"
  | "backup.named"
  | "restore.aside"
  | "restore.placed";

const HOOK = Symbol.for("container-kit.failpoint");

/** Tells a waiting test that this place was reached. */
export function failpoint(name: Failpoint): void {
  const hook = (globalThis as { [HOOK]?: unknown })[HOOK];
  if (typeof hook === "function") hook(name);
}
