/**
 * How the tables of the record come of the journals. Also runs in the keeper's thread: it knows no clock and no store.
 *
 * - R1  An entry that is applied again changes nothing: a start finds its row, an end one that has ended.
 * - R2  The first end that was seen stays; `interrupted` gives way to it.
 * - R3  An end whose start is not there, because it was removed, is dropped. So is what is told of a deleted session.
 * - R4  Each row of the counts is written once in a batch, whatever the number of entries.
 */
import type { Database, JournalEntry, OpenProjection, Projection } from "@container-kit/storage";
import { readEntry } from "./entries.ts";
import type { EndEntry, ReadEntry, StartEntry } from "./entries.ts";
import { toWholeJsonText } from "./json-text.ts";
import { prepareProjection } from "./projection-statements.ts";
import type { KnownExecution, ProjectionStatements } from "./projection-statements.ts";
import { pruneRecord, removeDeleted } from "./record-pruning.ts";
import { recordMigrations } from "./record-schema.ts";
import { SummaryChanges, SummaryWriter } from "./summaries.ts";
import type { ExecutionStatus } from "./types.ts";

/** How this package's tables in the record come of the journal; the keeper's program is given it. */
export const sessionProjection: Projection = {
  package: "session",
  steps: recordMigrations.map(({ id }) => id),
  open: openProjection,
};

/** Removed at once with the entry of a deletion; what is more goes when the record is pruned. */
const REMOVED_AT_ONCE = 200;

/** What the entries of a batch say of one execution. */
interface Told {
  start?: Extract<ReadEntry, { kind: "start" }>;
  end?: Extract<ReadEntry, { kind: "end" }>;
  job?: string;
}

function openProjection(database: Pick<Database, "statements">): OpenProjection {
  const prepared = prepareProjection(database);
  const writer = new SummaryWriter(database);
  return {
    apply(entries) {
      for (const batch of untilDeletions(entries)) {
        applyExecutions(prepared, writer, batch.told);
        if (batch.deleted === undefined) continue;
        const { session, at } = batch.deleted;
        prepared.noteDeleted.run({ session, at });
        removeDeleted(prepared, session, REMOVED_AT_ONCE);
      }
    },
    prune: (limits, rows) => pruneRecord(prepared, limits, rows),
  };
}

interface Batch {
  readonly told: ReadonlyMap<string, Told>;
  readonly deleted: Extract<ReadEntry, { kind: "delete" }> | undefined;
}

/** The entries by execution, in runs that end with a deletion or with the last entry. */
function* untilDeletions(entries: readonly JournalEntry[]): Generator<Batch> {
  let told = new Map<string, Told>();
  for (const each of entries) {
    const entry = readEntry(each);
    if (entry === undefined) continue;
    if (entry.kind === "delete") {
      yield { told, deleted: entry };
      told = new Map();
    } else {
      add(told, entry);
    }
  }
  yield { told, deleted: undefined };
}

function add(told: Map<string, Told>, entry: Exclude<ReadEntry, { kind: "delete" }>): void {
  const id = entry.kind === "start" ? entry.start.id : entry.kind === "end" ? entry.end.id : entry.id;
  const known = told.get(id) ?? {};
  told.set(id, known);
  if (entry.kind === "start") known.start ??= entry;
  else if (entry.kind === "job") known.job = entry.job;
  else if (gives(known.end?.end.status ?? "running", entry.end.status)) known.end = entry;
}

/** Whether an execution that stands so may take this end (R2). */
function gives(status: ExecutionStatus, end: ExecutionStatus): boolean {
  return status === "running" || (status === "interrupted" && end !== "interrupted");
}

function applyExecutions(prepared: ProjectionStatements, writer: SummaryWriter, told: ReadonlyMap<string, Told>): void {
  if (told.size === 0) return;
  const changes = new SummaryChanges();
  const deleted = new Map<string, boolean>();
  const isDeleted = (session: string): boolean => {
    const known = deleted.get(session) ?? prepared.isDeleted.get({ session }) !== undefined;
    deleted.set(session, known);
    return known;
  };
  let made = 0;
  for (const [id, { start, end, job }] of told) {
    let row = prepared.find.get({ id });
    if (row === undefined) {
      // R3
      if (start === undefined || isDeleted(start.start.session)) continue;
      row = insert(prepared, start, changes);
      made += 1;
    }
    if (job !== undefined) prepared.setJob.run({ id, job });
    if (end !== undefined && gives(row.status, end.end.status)) {
      applyEnd(prepared, { row: { ...row, jobId: job ?? row.jobId }, end }, changes);
    }
  }
  if (made > 0) prepared.grow.run({ by: made });
  writer.write(changes);
}

function insert(
  prepared: ProjectionStatements,
  { start, input }: NonNullable<Told["start"]>,
  changes: SummaryChanges,
): KnownExecution {
  const { id, session: sessionId, tool, at: startedAt } = start satisfies StartEntry;
  const jobId = start.job ?? null;
  prepared.insert.run({
    id,
    sessionId,
    jobId,
    owner: start.owner,
    tool,
    correlationId: start.correlation,
    parent: start.parent ?? null,
    dryRun: start.dryRun === true ? 1 : 0,
    input: toWholeJsonText(input),
    startedAt,
  });
  changes.started({ id, sessionId, tool, startedAt });
  return { id, sessionId, jobId, tool, status: "running", startedAt };
}

function applyEnd(
  prepared: ProjectionStatements,
  { row, end: { end, result, error } }: { readonly row: KnownExecution; readonly end: NonNullable<Told["end"]> },
  changes: SummaryChanges,
): void {
  const { status, at = null, attempts = 1 } = end satisfies EndEntry;
  const durationMs = end.ms ?? (at === null ? null : Math.max(0, at - row.startedAt));
  prepared.end.run({
    id: row.id,
    status,
    attempts,
    result: status === "completed" ? toWholeJsonText(result) : null,
    endedAt: at,
    durationMs,
  });
  changes.ended(row, { status, durationMs }, row.status);
  if (error === undefined) return;
  const { id: executionId, sessionId, jobId, tool, startedAt } = row;
  const code = end.code ?? codeOf(error);
  const erred = { executionId, sessionId, jobId, tool, status, code, at: at ?? startedAt };
  prepared.insertError.run({ ...erred, error: toWholeJsonText(error), causes: toWholeJsonText(end.causes ?? []) });
  changes.erred(row, code, at ?? startedAt);
}

function codeOf(error: unknown): string {
  const code: unknown = (error as { readonly code?: unknown } | null)?.code;
  return typeof code === "string" ? code : "INTERNAL";
}
