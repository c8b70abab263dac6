import type { RetentionLimits } from "@container-kit/storage";
import type { ProjectionStatements } from "./projection-statements.ts";
import { DAY_MS } from "./summaries.ts";

const HOURS_KEPT_MS = 7 * DAY_MS;
const DAYS_KEPT_MS = 400 * DAY_MS;

/**
 * Removes what is over the limits, the oldest first: rows of deleted sessions, executions with their errors, and counts
 * of hours and days that are no longer shown. Counts of all time stay.
 * @returns how many rows were removed
 */
export function pruneRecord(prepared: ProjectionStatements, limits: RetentionLimits, rows: number): number {
  const deleted = prepared.nextDeleted.get();
  if (deleted !== undefined) {
    const removed = removeDeleted(prepared, deleted.session, rows);
    if (removed > 0) return removed;
  }
  const removed = pruneExecutions(prepared, limits, rows);
  if (removed > 0) return removed;
  prepared.forgetDeleted.run({ before: limits.before });
  // Not measured from the newest span: a clock that was wrong for a moment may have made that.
  return (
    prepared.removeSpan.run({ scope: "hour", before: limits.now - HOURS_KEPT_MS }).changes +
    prepared.removeSpan.run({ scope: "day", before: limits.now - DAYS_KEPT_MS }).changes
  );
}

/** Removes rows of a deleted session; says how many. Once there are none, that is noted. */
export function removeDeleted(prepared: ProjectionStatements, session: string, rows: number): number {
  prepared.deleteSummaries.run({ session });
  prepared.deleteErrorCounts.run({ session });
  const errors = prepared.deleteErrors.run({ session, rows }).changes;
  const executions = prepared.deleteExecutions.run({ session, rows }).changes;
  if (executions > 0) prepared.grow.run({ by: -executions });
  if (errors + executions === 0 || (errors < rows && executions < rows)) prepared.deletedIsGone.run({ session });
  return errors + executions;
}

function pruneExecutions(
  prepared: ProjectionStatements,
  { before, count, overSize }: RetentionLimits,
  rows: number,
): number {
  const tooMany = Math.max(0, (prepared.size.get()?.count ?? 0) - count);
  const oldest = prepared.oldest.all({ rows });
  const young = oldest.findIndex(({ startedAt }) => startedAt >= before);
  const tooOld = young === -1 ? oldest.length : young;
  const removed = oldest.slice(0, overSize ? oldest.length : Math.max(tooOld, Math.min(tooMany, oldest.length)));
  const last = removed.at(-1)?.id;
  if (last === undefined) return 0;
  prepared.removeErrorsUpTo.run({ last });
  const { changes } = prepared.removeUpTo.run({ last });
  prepared.grow.run({ by: -changes });
  return changes;
}
