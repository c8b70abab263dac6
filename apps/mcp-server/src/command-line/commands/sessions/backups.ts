import { formatBytes } from "../../../text/amounts.ts";
import { table } from "../../../text/table.ts";
import { configure } from "../../command.ts";
import type { Command } from "../../command.ts";
import { EXIT } from "../../exit-status.ts";
import { listenForInterruption } from "../../interruption.ts";
import { withStore } from "./with-store.ts";
import { at } from "./words.ts";

/** `sessions backup`: a copy of the record, made while others write to it. */
export const makeBackup: Command<undefined> = (_args, context) =>
  withStore(context, async ({ storage }) => {
    const interruption = listenForInterruption(context.host);
    try {
      const backup = await storage.backup({ signal: interruption.signal });
      context.output.text(`backup ${backup.name}, ${formatBytes(backup.bytes)}, in ${backup.folder}`);
      context.output.document(backup);
    } finally {
      interruption.end();
    }
  });

/** `sessions backups`: the copies that are there, also where the record itself cannot be opened. */
export const listBackups: Command<undefined> = async (_args, context) => {
  const storage = await import("@container-kit/storage");
  const { store } = await configure(context);
  const backups = storage.listBackups(store);
  context.output.text(
    backups.length === 0
      ? "No backup yet; `container-kit sessions backup` makes one."
      : table(
          ["backup", "made", "size"],
          backups.map(({ name, madeAt, bytes }) => [name, at(madeAt), formatBytes(bytes)]),
        ),
  );
  context.output.document({ backups });
  return EXIT.done;
};

/** `sessions restore`: puts a copy in the record's place; what is there is set aside. */
export const restoreBackup: Command<{ readonly name: string }> = async ({ name }, context) => {
  const storage = await import("@container-kit/storage");
  const { store } = await configure(context);
  const restored = storage.restoreBackup(store, name);
  const { backup, aside } = restored;
  context.output.text(
    [
      `The backup ${backup.name} of ${at(backup.madeAt)} is in place.`,
      ...aside.map((file) => `What was there before is in ${file}.`),
    ].join("\n"),
  );
  context.output.document(restored);
  return EXIT.done;
};
