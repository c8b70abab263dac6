import type { Config } from "../config/config.ts";
import { loadConfig } from "../config/load-config.ts";
import type { ConfigFlags } from "../config/config.ts";
import type { Host } from "./host.ts";
import type { Output } from "./output.ts";

/** What every command is handed besides its own arguments. */
export interface CommandContext {
  readonly host: Host;
  readonly output: Output;
  /** The value of `--config`. */
  readonly configFile: string | undefined;
}

/** A command: does its work, speaks through the context's output, and says which status to end with. */
export type Command<Arguments> = (args: Arguments, context: CommandContext) => Promise<number>;

/** The flag of every command that may speak with a registry. */
export interface CredentialArguments {
  readonly registryCredentials?: readonly string[];
}

/** The flag of every command that may load a plugin. */
export interface PluginArguments {
  readonly plugin?: readonly string[];
}

/** That flag alone, as the configuration takes it. */
export function pluginFlags({ plugin }: PluginArguments): Pick<ConfigFlags, "plugins"> {
  return plugin === undefined ? {} : { plugins: plugin };
}

/** That flag alone, as the configuration takes it. */
export function credentialFlags({ registryCredentials }: CredentialArguments): CredentialArguments {
  return registryCredentials === undefined ? {} : { registryCredentials };
}

/** Loads the configuration for a command, and tells a person what was ignored in it. */
export async function configure(
  { host, output, configFile }: CommandContext,
  flags: Omit<ConfigFlags, "config"> = {},
  repositories?: readonly string[],
): Promise<Config> {
  const config = await loadConfig({
    flags: { ...flags, ...(configFile === undefined ? {} : { config: configFile }) },
    environment: host.environment,
    workingDirectory: host.workingDirectory,
    homeDirectory: host.homeDirectory,
    ...(repositories === undefined ? {} : { repositories }),
  });
  for (const warning of config.warnings) output.note(`warning: ${warning}`);
  return config;
}
