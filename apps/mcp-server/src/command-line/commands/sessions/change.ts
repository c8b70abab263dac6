import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { fail } from "../../../errors.ts";
import type { Command } from "../../command.ts";
import { listenForInterruption } from "../../interruption.ts";
import { withStore } from "./with-store.ts";
import { count, labelsOf } from "./words.ts";

/** `sessions label`: sets labels (`a=b`) and removes them (`a-`). */
export const labelSession: Command<{ readonly id: string; readonly changes: readonly string[] }> = (args, context) =>
  withStore(context, async ({ sessions }) => {
    const session = await sessions.labelSession(args.id, readLabels(args.changes));
    context.output.text(`${session.id}: ${labelsOf(session.labels)}`);
    context.output.document(session);
  });

/** `sessions delete`: removes a session with everything that belongs to it. */
export const deleteSession: Command<{ readonly id: string }> = ({ id }, context) =>
  withStore(context, async ({ sessions }) => {
    const deleted = await sessions.deleteSession(id);
    context.output.text(
      `${deleted.id} is deleted, with ${count(deleted.executions, "execution")} and ${count(deleted.jobs, "job")}.`,
    );
    context.output.document(deleted);
  });

/** `sessions prune`: removes sessions that expired long enough ago. */
export const pruneSessions: Command<{ readonly olderThan?: number }> = ({ olderThan }, context) =>
  withStore(context, async ({ sessions }) => {
    const interruption = listenForInterruption(context.host);
    try {
      const pruned = await sessions.prune({
        signal: interruption.signal,
        ...(olderThan === undefined ? {} : { keepMs: olderThan }),
      });
      context.output.text(
        pruned.sessions === 0 && pruned.keys === 0
          ? "Nothing is old enough to be removed."
          : `${count(pruned.sessions, "session")} and ${count(pruned.keys, "idempotency key")} were removed.`,
      );
      context.output.document(pruned);
    } finally {
      interruption.end();
    }
  });

/** `sessions export`: a session as one JSON document, on stdout or in a new file that only this user can read. */
export const exportSession: Command<{ readonly id: string; readonly output?: string }> = (args, context) =>
  withStore(context, async ({ sessions }) => {
    const exported = await sessions.exportSession(args.id);
    if (args.output === undefined) {
      context.output.text(JSON.stringify(exported, undefined, 2));
      context.output.document(exported);
      return;
    }
    const file = resolve(context.host.workingDirectory, args.output);
    const text = `${JSON.stringify(exported, undefined, 2)}\n`;
    await writeFile(file, text, { flag: "wx", mode: 0o600 }).catch((cause: NodeJS.ErrnoException) => {
      if (cause.code === "EEXIST")
        throw fail("CONFLICT", `${file} exists already`, {
          cause,
          remedy: "Name another file, or move this one away.",
        });
      throw fail("INVALID_INPUT", `${file} cannot be written: ${cause.code ?? cause.message}`, {
        cause,
        remedy: "Name a file in a folder that exists and that this user may write in.",
      });
    });
    context.output.text(`${args.id} is in ${file}.`);
    context.output.document({ id: args.id, file });
  });

/** @throws INVALID_INPUT for what is neither `name=value` nor `name-` */
function readLabels(changes: readonly string[]): Readonly<Record<string, string | null>> {
  return Object.fromEntries(
    changes.map((change): [string, string | null] => {
      const equals = change.indexOf("=");
      if (equals > 0) return [change.slice(0, equals), change.slice(equals + 1)];
      if (equals === -1 && change.length > 1 && change.endsWith("-")) return [change.slice(0, -1), null];
      throw fail("INVALID_INPUT", `"${change}" is no change of a label`, {
        remedy: "Write name=value to set a label, name- to remove it.",
      });
    }),
  );
}
