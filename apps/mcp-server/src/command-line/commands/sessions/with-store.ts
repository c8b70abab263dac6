import type { OpenedSessions } from "../../../open-sessions.ts";
import { configure } from "../../command.ts";
import type { CommandContext } from "../../command.ts";
import { EXIT } from "../../exit-status.ts";

/** Opens the record for one command, and closes it whatever happens. */
export async function withStore(
  context: CommandContext,
  work: (opened: OpenedSessions) => Promise<void>,
): Promise<number> {
  const { openSessions } = await import("../../../open-sessions.ts");
  const opened = await openSessions(await configure(context));
  try {
    await work(opened);
    return EXIT.done;
  } finally {
    await opened.close();
  }
}
