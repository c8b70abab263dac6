import type { Command } from "commander";
import type { Command as Run } from "./command.ts";

/** Makes the action of a command: its code is loaded only when it is called. */
export type Does = <Arguments>(
  load: () => Promise<Run<Arguments>>,
  read: (command: Command) => Arguments,
) => (...parameters: unknown[]) => Promise<void>;
