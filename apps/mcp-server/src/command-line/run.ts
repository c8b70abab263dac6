import { toErrorResult } from "@container-kit/errors";
import { CommanderError } from "commander";
import { fail } from "../errors.ts";
import { EXIT, exitStatusOf } from "./exit-status.ts";
import type { Host } from "./host.ts";
import { createOutput } from "./output.ts";
import { createProgram } from "./program.ts";

/**
 * Runs one command line and says which status to end with. Never throws.
 *
 * @param argv the arguments after the program's name
 */
export async function run(argv: readonly string[], host: Host, version: string): Promise<number> {
  let status: number = EXIT.done;
  const mode = modeOf(argv);
  const program = createProgram(host, version, {
    ended: (ended) => {
      status = ended;
    },
    help: (text) => void (mode === "text" && host.stderr.write(text)),
  });
  try {
    await program.parseAsync(argv, { from: "user" });
    return status;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT.done;
    if (isHelp(error) && mode === "text") return EXIT.usage;
    const result = toErrorResult(error instanceof CommanderError ? usageError(error) : error);
    createOutput(host, mode).failure(result);
    return exitStatusOf(result);
  }
}

/** Whether the help was shown because no command was named. */
function isHelp(error: unknown): boolean {
  return error instanceof CommanderError && error.code === "commander.help";
}

function usageError(error: CommanderError): Error {
  const message = isHelp(error)
    ? "no command is named"
    : error.message.replace(/^error: /, "").replace(/\n\((.*)\)$/, " ($1)");
  return fail("INVALID_INPUT", message, {
    cause: error,
    remedy: "See what is possible with `container-kit --help` or `container-kit <command> --help`.",
  });
}

/** Arguments that could not be parsed still say how the answer is wanted. */
function modeOf(argv: readonly string[]): "text" | "json" | "stream" {
  if (argv.includes("--json-stream")) return "stream";
  return argv.includes("--json") ? "json" : "text";
}
