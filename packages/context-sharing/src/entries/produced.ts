import type { EntryStatements } from "./statements.ts";

/** One version that was taken back. */
export interface TakenBack {
  readonly type: string;
  readonly key: string;
  readonly version: number;
}

/**
 * Removes the versions that an execution shared. Where one was the present one, the newest that is left becomes it again,
 * with its own number; the next share's is above all that there were. Inside a transaction.
 */
export function takeBack(prepared: EntryStatements, session: string, execution: string): readonly TakenBack[] {
  const earlier = prepared.producedPast.all({ session, execution });
  const present = prepared.produced.all({ session, execution });
  for (const { type, key } of earlier) prepared.removePast.run({ session, type, key, execution });
  for (const { type, key } of present) {
    const [before] = prepared.past.all({ session, type, key });
    if (before === undefined) prepared.remove.run({ session, type, key });
    else prepared.restore.run({ ...before });
  }
  for (const { type, key } of [...earlier, ...present]) prepared.weigh.run({ session, type, key });
  return [...earlier, ...present];
}
