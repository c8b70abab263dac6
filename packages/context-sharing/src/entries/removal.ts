/**
 * Removes many entries, a few at a time.
 *
 * - G1  A batch is bounded by what it costs: rows that are looked at, versions that go with them, and their bytes. So the
 *       longest turn is a few milliseconds, however much has expired at once.
 * - G2  Between two batches the event loop has a turn, and after one that removed something a pause (after-batch.ts). The
 *       walk goes by name, so that what is added meanwhile harms nothing.
 * - G3  Whether a row has expired is asked again under the write lock: it may have been shared anew.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { afterBatch } from "../after-batch.ts";
import { KEPT_VERSIONS } from "./schema.ts";
import type { EntryFile } from "./entry-file.ts";
import type { MeasuredRow } from "./statements.ts";
import type { Timestamp } from "./types.ts";

/** What a removal works with: an open file of entries. */
export type RemovalFile = Pick<EntryFile, "prepared" | "read" | "commit">;

/** What is to go. */
export interface RemovalRange {
  /** Only of this session. */
  readonly sessionId?: string | undefined;
  /** Only what has expired by then. */
  readonly by: Timestamp;
  readonly signal?: AbortSignal | undefined;
}

/** Rows that one batch looks at. */
export const BATCH_ROWS = 256;
/** What one batch may cost, in rows that go. */
const BATCH_COST = 256;
/** Removing so many bytes costs about as much as removing a row. */
const BYTES_PER_ROW = 16 * 1024;

type Place = Pick<MeasuredRow, "session" | "type" | "key">;

/** @returns how many entries went. What is aborted ends after the batch that it is in. */
export async function removeInBatches(file: RemovalFile, { sessionId, by, signal }: RemovalRange): Promise<number> {
  let removed = 0;
  let after: Place | undefined = { session: sessionId ?? "", type: "", key: "" };
  while (after !== undefined) {
    if (signal?.aborted === true) break;
    const batch = nextBatch(file, { after, sessionId, by });
    if (batch.some) removed += await removeBatch(file, { after, upTo: batch.upTo, by });
    after = batch.isLast ? undefined : batch.upTo;
    await (batch.some ? afterBatch() : nextTurn());
  }
  return removed;
}

interface Batch {
  readonly upTo: Place;
  /** Whether anything in it is to go. */
  readonly some: boolean;
  readonly isLast: boolean;
}

/** How far the next batch goes (G1). */
function nextBatch(
  file: RemovalFile,
  { after, sessionId, by }: { readonly after: Place; readonly sessionId: string | undefined; readonly by: Timestamp },
): Batch {
  const rows = file.read(() => file.prepared.measure.all({ ...after, limit: BATCH_ROWS }));
  let cost = 0;
  let upTo = after;
  let some = false;
  for (const row of rows) {
    if (sessionId !== undefined && row.session !== sessionId) return { upTo, some, isLast: true };
    if (row.expires <= by) {
      cost += Math.min(row.last, KEPT_VERSIONS) + row.held / BYTES_PER_ROW;
      if (some && cost > BATCH_COST) return { upTo, some, isLast: false };
      some = true;
    }
    upTo = row;
  }
  return { upTo, some, isLast: rows.length < BATCH_ROWS };
}

async function removeBatch(
  file: RemovalFile,
  { after, upTo, by }: { readonly after: Place; readonly upTo: Place; readonly by: Timestamp },
): Promise<number> {
  const { session, type, key } = after;
  const range = { session, type, key, endSession: upTo.session, endType: upTo.type, endKey: upTo.key, by };
  return await file.commit(() => file.prepared.removeRange.run(range).changes);
}
