import type { ErrorResult } from "@container-kit/errors";
import type { Logger } from "@container-kit/observability";
import type { Plugin } from "../types.ts";
import type { PinComparison } from "./pins.ts";

/** A plugin as a configuration names it. */
export interface PluginEntry {
  /** The name of an installed package, or the path of its folder. */
  readonly package: string;
  /** Where a relative path or a package's name starts. Default: the folder of the options. */
  readonly folder?: string | undefined;
  /** Runs in the server's own process, with all that it may. Default false. */
  readonly trusted?: boolean | undefined;
  /** `sha256-…` of the package's files; another sum is refused. */
  readonly integrity?: string | undefined;
  /** Absolute folders that an untrusted plugin may read. */
  readonly read?: readonly string[] | undefined;
  /** Environment variables that an untrusted plugin gets. */
  readonly environment?: readonly string[] | undefined;
  /** Whether an untrusted plugin may speak with the network. Default false. */
  readonly network?: boolean | undefined;
  /** Handed to a plugin that is exported as a function. */
  readonly config?: Readonly<Record<string, unknown>> | undefined;
}

/** What `loadPlugins` works with. */
export interface LoadPluginsOptions {
  readonly entries: readonly PluginEntry[];
  /** Where relative paths and package names start: the folder of the configuration. */
  readonly folder: string;
  /** The lock file that keeps what was approved. */
  readonly lockFile: string;
  /** `check` pins what is new and refuses changed words; `approve` pins whatever it finds; `look` neither pins nor refuses. Default `check`. */
  readonly pins?: "check" | "approve" | "look";
  /** Names of tools that are loaded already. */
  readonly taken?: readonly string[];
  /** Types of context entries that are defined already; without them it is not looked whether types are defined. */
  readonly takenTypes?: readonly string[];
  /** Where granted variables come from. Default: empty. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly logger?: Logger;
  /** Default: the built host program of this package. */
  readonly program?: string;
  /** Loads a trusted plugin's module. Default: `import`. */
  readonly importModule?: (url: string) => Promise<unknown>;
  /** How long one plugin may take to load. Default 10,000. */
  readonly deadlineMs?: number;
  /** How many processes an untrusted plugin may have at once. Default 4. */
  readonly processes?: number;
  /** The processor time that a process of an untrusted plugin may use in its life, where the system can limit it. Default 1,800. */
  readonly cpuSeconds?: number;
  /** The heap that a process of an untrusted plugin may use; twice as much memory in all. Default 256. */
  readonly heapMiB?: number;
}

/** How one plugin was found. */
export interface PluginReport {
  /** As the configuration names it. */
  readonly package: string;
  readonly trusted: boolean;
  readonly loaded: boolean;
  readonly name?: string;
  readonly version?: string;
  /** Where it is. */
  readonly folder?: string;
  /** The sum of its files, as `integrity` takes it. */
  readonly integrity?: string;
  /** How it compares with what was approved. */
  readonly pin?: PinComparison;
  readonly tools: readonly string[];
  readonly scanners: readonly string[];
  readonly strategies: readonly string[];
  readonly credentialSources: readonly string[];
  /** Types of context entries that it defines. */
  readonly contextTypes: readonly string[];
  /** Rules for failures that it brings. */
  readonly routingRules: readonly string[];
  /** Whether it brings rules for the policy engine; of one that is not loaded, whether it did when it was approved, or may. */
  readonly policies: boolean;
  /** What a person should know although it was loaded. */
  readonly notes: readonly string[];
  /** Why it was not loaded. */
  readonly problem?: ErrorResult;
}

/** The plugins that could be loaded, and how each fared. */
export interface LoadedPlugins {
  readonly plugins: readonly Plugin[];
  readonly reports: readonly PluginReport[];
  /** Ends the processes of untrusted plugins. */
  close(): Promise<void>;
}
