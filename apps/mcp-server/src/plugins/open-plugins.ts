import { createRequire } from "node:module";
import { join } from "node:path";
import { loadPlugins } from "@container-kit/atomic-runtime";
import type { LoadedPlugins, LoadPluginsOptions, PluginReport, PolicySource } from "@container-kit/atomic-runtime";
import { contextTypes } from "@container-kit/atomic-tools";
import type { Logger, Redactor } from "@container-kit/observability";
import type { Config } from "../config/config.ts";
import type * as ImportModule from "./import-module.ts";

const LOCK_FILE = "plugins.lock.json";
const NONE: LoadedPlugins = { plugins: [], reports: [], close: () => Promise.resolve() };

/** The toolsets that are served unless others are asked for, as the runtime has them. */
const DEFAULT_TOOLSETS = ["build", "image", "security", "workflow", "session", "server"];

/** What plugins are opened with besides the configuration. */
export interface OpenPluginsOptions {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly logger: Logger;
  readonly pins?: LoadPluginsOptions["pins"];
  /** Types of context entries that are defined elsewhere, beside those of the program. */
  readonly moreTypes?: readonly string[];
  /** Learns the secrets among the variables that plugins get, so that none comes back in a result. */
  readonly redactor?: Redactor;
}

/** Loads the plugins that the configuration names. One that cannot be loaded stops nobody: `reports` says why. */
export function openPlugins(
  config: Config,
  { environment, logger, redactor, pins = "check", moreTypes = [] }: OpenPluginsOptions,
): Promise<LoadedPlugins> {
  if (config.plugins.length === 0) return Promise.resolve(NONE);
  if (redactor !== undefined) learnSecrets(config, environment, redactor);
  const lockFile = join(config.home, LOCK_FILE);
  const options = { entries: config.plugins, folder: config.home, lockFile, environment, logger, pins };
  const takenTypes = [...contextTypes.map(({ name }) => name), ...moreTypes];
  return loadPlugins({ ...options, takenTypes, importModule: (url) => importer()(url) });
}

/** A variable whose name is that of a secret: the redactor would mask it under that name. */
function learnSecrets(config: Config, environment: OpenPluginsOptions["environment"], redactor: Redactor): void {
  for (const name of config.plugins.flatMap((plugin) => plugin.environment ?? [])) {
    const value = environment[name];
    if (value !== undefined && redactor.value({ [name]: value })[name] !== value) redactor.learn(value);
  }
}

/** In the built program a file beside it; from source, this one's own `import`. */
function importer(here: string = import.meta.url): typeof ImportModule.importModule {
  if (here.endsWith(".ts")) return (url) => import(url);
  return (createRequire(here)("./import-module.js") as typeof ImportModule).importModule;
}

/**
 * The rules that plugins bring, for the policy engine. Where a plugin's rules are missing with it, or a plugin that is
 * required, nothing acts.
 */
export function pluginPolicies(
  { plugins, reports }: LoadedPlugins,
  entries: Config["plugins"],
): readonly PolicySource[] {
  const required = new Set(entries.filter((entry) => entry.required === true).map((entry) => entry.package));
  const brought = plugins.flatMap(({ name, policies = [] }) =>
    policies.map((rules) => ({ source: `plugin ${name}`, rules: rules as PolicySource["rules"] })),
  );
  return [...brought, ...reports.filter((report) => isMissed(report, required)).flatMap(missingRules)];
}

function isMissed({ loaded, policies, package: reference }: PluginReport, required: ReadonlySet<string>): boolean {
  return !loaded && (policies || required.has(reference));
}

/** The acts that the built-in tools know, refused with the reason; and whatever else changes anything. */
function missingRules({ name, package: reference }: PluginReport): readonly PolicySource[] {
  const plugin = name ?? reference;
  const source = `plugin ${plugin}, which is not loaded: container-kit plugins list says why`;
  const reason = `its rules are not known while plugin ${plugin} is not loaded`.slice(0, 500);
  const verbs = ["pull", "push", "tag", "build", "write", "run", "deploy"];
  return [
    { source, rules: { rules: [{ name: "plugin-missing", verbs, forbid: true, reason }] } },
    { source, rules: { readOnly: true } },
  ];
}

/** Toolsets, and those of the plugins: who names a plugin in the configuration wants its tools served. */
export function toolsetsWith(
  { plugins }: LoadedPlugins,
  toolsets: readonly string[] = DEFAULT_TOOLSETS,
): readonly string[] {
  return [...new Set([...toolsets, ...plugins.flatMap(({ tools }) => tools.map(({ toolset }) => toolset))])];
}
