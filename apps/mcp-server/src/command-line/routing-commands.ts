import { InvalidArgumentError, Option } from "commander";
import type { Command } from "commander";
import type { Does } from "./does.ts";
import { plugin } from "./plugin-commands.ts";

const SEVERITIES = ["critical", "high", "medium", "low", "negligible", "unknown"] as const;

/** The commands about where failures go. */
export function addRouting(program: Command, does: Does): void {
  const routing = program.command("routing").description("where the failure of a tool goes next");
  routing
    .command("list")
    .description("every rule, in the order in which they are asked")
    .addOption(plugin())
    .action(
      does(
        async () => (await import("./commands/routing.ts")).listRules,
        (command) => command.opts(),
      ),
    );
  routing
    .command("explain")
    .description("what would be decided about a failure, and why each rule does or does not apply")
    .argument("<tool>", "the tool that fails")
    .argument("<code>", "the code of its error")
    .option("--session <id>", "with what was decided in this session before, and with its labels")
    .addOption(new Option("--severity <severity>", "how bad it is").choices(SEVERITIES))
    .option("--input <json>", "what the tool is called with", readObject, {})
    .option("--details <json>", "the details of its error", readObject, {})
    .option("--no-auto-fix", "as where files must not be changed")
    .addOption(plugin())
    .action(
      does(
        async () => (await import("./commands/routing.ts")).explainRouting,
        (command) => ({
          ...command.opts<{
            autoFix: boolean;
            input: Readonly<Record<string, unknown>>;
            details: Readonly<Record<string, unknown>>;
          }>(),
          tool: command.args[0] as string,
          code: command.args[1] as string,
        }),
      ),
    );
}

function readObject(text: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // What is wrong with it is said below; the parser's words would quote it.
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new InvalidArgumentError("Expected a JSON object.");
}
