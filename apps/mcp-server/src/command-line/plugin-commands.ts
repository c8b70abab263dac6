import { Option } from "commander";
import type { Command } from "commander";
import type { Does } from "./does.ts";

/** The commands about plugins. */
export function addPlugins(program: Command, does: Does): void {
  const plugins = program.command("plugins").description("what is loaded besides the built-in tools");
  plugins
    .command("list")
    .description("the configured plugins, how each fares and what it brings")
    .action(
      does(
        async () => (await import("./commands/plugins.ts")).listPlugins,
        () => undefined,
      ),
    );
  plugins
    .command("check")
    .description("load a plugin as an untrusted one would be, and say what is wrong with it")
    .argument("<path>", "the folder of its package")
    .action(
      does(
        async () => (await import("./commands/plugins.ts")).checkPlugin,
        (command) => ({ path: command.args[0] as string }),
      ),
    );
  plugins
    .command("approve")
    .description("pin what a plugin says of itself now")
    .argument("<name>", "the plugin's name, its package as the configuration names it, or the folder of its package")
    .action(
      does(
        async () => (await import("./commands/plugins.ts")).approvePlugin,
        (command) => ({ name: command.args[0] as string }),
      ),
    );
  plugins
    .command("scan")
    .description("run a plugin's scanner on a path")
    .argument("<scanner>", "name of the scanner")
    .argument("<path>", "what to scan")
    .addOption(plugin())
    .action(
      does(
        async () => (await import("./commands/plugins-scan.ts")).scanWithPlugin,
        (command) => ({
          ...command.opts<object>(),
          scanner: command.args[0] as string,
          path: command.args[1] as string,
        }),
      ),
    );
}

/** The flag of every command that may load a plugin. */
export function plugin(): Option {
  return new Option(
    "--plugin <path>",
    "folder of an untrusted plugin to load, beside those of the configuration; may be repeated",
  ).argParser(collect);
}

function collect(value: string, earlier: readonly string[] = []): readonly string[] {
  return [...earlier, value];
}
