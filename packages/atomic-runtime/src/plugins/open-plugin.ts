/**
 * Finds, checks and starts one plugin: in processes of its own, or in this one when it is trusted.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "@container-kit/observability";
import { isKitError } from "@container-kit/errors";
import { fail } from "../errors.ts";
import { checkPlugins } from "../plugin.ts";
import { policyRulesSchema } from "../policy/schema.ts";
import { prepareTool } from "../schema.ts";
import type { Plugin } from "../types.ts";
import { findReachFault } from "./check-reach.ts";
import { findWordFault } from "./check-words.ts";
import { checkContextTypes } from "./context-types.ts";
import { checkedExtensions } from "./extensions.ts";
import { checkLinks, sumPackage } from "./integrity.ts";
import { describePlugin, manifestSchema } from "./manifest.ts";
import type { PluginManifest } from "./manifest.ts";
import type { LoadMessage } from "./messages.ts";
import { findPackage } from "./package-folder.ts";
import type { PluginPackage } from "./package-folder.ts";
import { PluginProcess } from "./plugin-process.ts";
import type { ProcessOptions } from "./plugin-process.ts";
import { sum } from "./pins.ts";
import { createPool } from "./process-pool.ts";
import { createRemotePlugin } from "./remote-plugin.ts";
import { checkRoutingRules } from "./routing-rules.ts";
import type { LoadPluginsOptions, PluginEntry } from "./types.ts";

/** A plugin that runs, not yet compared with its pin. */
export interface OpenedPlugin {
  /** What its pin is kept under. */
  readonly key: string;
  readonly folder: string;
  readonly integrity: string;
  readonly manifest: PluginManifest;
  readonly plugin: Plugin;
  readonly notes: readonly string[];
  close(): Promise<void>;
}

/** What has a default. */
export type OpenDefaults = Required<
  Pick<
    LoadPluginsOptions,
    "program" | "importModule" | "deadlineMs" | "processes" | "heapMiB" | "cpuSeconds" | "environment"
  >
>;

/** The options of loading with their defaults. */
export type OpenSettings = LoadPluginsOptions & OpenDefaults & Required<Pick<LoadPluginsOptions, "logger">>;

/** @throws PLUGIN_INVALID */
export async function openPlugin(entry: PluginEntry, settings: OpenSettings): Promise<OpenedPlugin> {
  const found = await findPackage(entry.package, entry.folder ?? settings.folder);
  const integrity = await sumPackage(found.folder);
  if (entry.integrity !== undefined && entry.integrity !== integrity) {
    throw fail(
      "PLUGIN_INVALID",
      `the files of ${entry.package} are not those that integrity names: they sum to ${integrity}`,
      {
        remedy: "Find out why they changed; if that is wanted, put the new sum into container-kit.yaml.",
        details: { expected: entry.integrity, actual: integrity },
      },
    );
  }
  const open = entry.trusted === true ? openTrusted : openUntrusted;
  return { key: found.folder, folder: found.folder, integrity, ...(await open(entry, found, settings)) };
}

const CHOOSE = "Remove that from the plugin, or load it with trusted: true if you answer for it.";

type Opened = Pick<OpenedPlugin, "manifest" | "plugin" | "notes" | "close">;

async function openTrusted(entry: PluginEntry, found: PluginPackage, settings: OpenSettings): Promise<Opened> {
  const plugin = await importHere(entry, found, settings);
  checkPlugins([plugin]);
  checkContextTypes(plugin);
  for (const tool of plugin.tools) prepareTool(tool);
  const manifest = checkManifest(describeSafely(plugin), settings.taken);
  return { manifest, plugin: { ...plugin, ...checkedExtensions(plugin) }, notes: [], close: async () => undefined };
}

async function importHere(
  entry: PluginEntry,
  { entry: url }: PluginPackage,
  { deadlineMs, importModule }: OpenSettings,
): Promise<Plugin> {
  const timeout = new AbortController();
  const load = async (): Promise<Plugin> => {
    const module = (await importModule(url)) as { readonly plugin?: unknown };
    const exported =
      typeof module.plugin === "function" ? ((await module.plugin(entry.config ?? {})) as unknown) : module.plugin;
    if (exported === undefined) throw new TypeError("expected an export named plugin");
    return exported as Plugin;
  };
  const late = sleep(deadlineMs, undefined, { signal: timeout.signal }).then(() => {
    throw new TypeError(`it was not loaded within ${deadlineMs} ms`);
  });
  try {
    return await Promise.race([load(), late]);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : "threw a value that is no error";
    throw fail("PLUGIN_INVALID", `plugin ${entry.package} cannot be loaded: ${reason}`, { cause });
  } finally {
    timeout.abort();
    late.catch(() => undefined);
  }
}

async function openUntrusted(entry: PluginEntry, found: PluginPackage, settings: OpenSettings): Promise<Opened> {
  for (const folder of found.dependencies) await checkLinks(folder);
  const logger = settings.logger.child({ plugin: entry.package });
  const options = processOptions(entry, found, { settings, logger });
  const first = new PluginProcess(options);
  try {
    const manifest = checkManifest(await first.load(settings.deadlineMs), settings.taken);
    const reach = findReachFault(manifest);
    if (reach !== undefined) throw fail("PLUGIN_INVALID", `plugin ${manifest.name}: ${reach}`, { remedy: CHOOSE });
    const start = async (): Promise<PluginProcess> => {
      const process = new PluginProcess(options);
      try {
        if (entry.integrity !== undefined && (await sumPackage(found.folder)) !== entry.integrity)
          throw replaced(entry);
        const now = checkManifest(await process.load(settings.deadlineMs), settings.taken);
        if (sum(now) !== sum(manifest)) throw replaced(entry);
      } catch (error) {
        process.end();
        throw error;
      }
      return process;
    };
    const pool = createPool(first, { start, most: settings.processes });
    const remote = createRemotePlugin(manifest, pool);
    checkPlugins([remote]);
    checkContextTypes(remote);
    for (const tool of remote.tools) prepareTool(tool);
    return {
      manifest,
      plugin: { ...remote, ...checkedExtensions(remote) },
      notes: notesOf(manifest),
      close: () => pool.close(),
    };
  } catch (error) {
    first.end();
    await first.ended;
    throw error;
  }
}

/** A further process must not run what nobody looked at when the plugin was loaded. */
function replaced({ package: plugin }: PluginEntry): Error {
  return fail("PLUGIN_INVALID", `the files of plugin ${plugin} were replaced while the server ran`, {
    remedy: "Look at it with container-kit plugins list, then start the server again.",
  });
}

function processOptions(
  entry: PluginEntry,
  found: PluginPackage,
  { settings, logger }: { readonly settings: OpenSettings; readonly logger: Logger },
): ProcessOptions {
  const network = entry.network === true;
  const granted = (entry.environment ?? []).flatMap((name) => {
    const value = settings.environment[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  const names = granted.map(([name]) => name);
  const load: LoadMessage = {
    kind: "load",
    entry: found.entry,
    settings: entry.config ?? {},
    network,
    environment: names,
  };
  const { files, folders } = found.code;
  return {
    label: entry.package,
    program: settings.program,
    folder: found.folder,
    load,
    grants: {
      files: [...files, settings.program],
      folders: [...folders, ...(entry.read ?? [])],
      network,
    },
    environment: Object.fromEntries(granted),
    cpuSeconds: settings.cpuSeconds,
    heapMiB: settings.heapMiB,
    residentMiB: settings.heapMiB * 2,
    logger,
  };
}

function describeSafely(plugin: Plugin): unknown {
  try {
    return describePlugin(plugin);
  } catch (cause) {
    throw isKitError(cause)
      ? cause
      : fail(
          "PLUGIN_INVALID",
          `plugin ${plugin.name}: ${cause instanceof Error ? cause.message : "cannot be described"}`,
          { cause },
        );
  }
}

function checkManifest(told: unknown, taken: readonly string[] | undefined): PluginManifest {
  const parsed = manifestSchema.safeParse(told);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw fail(
      "PLUGIN_INVALID",
      `a plugin describes itself in no known form: ${issue?.path.join(".") ?? ""} ${issue?.message ?? ""}`,
    );
  }
  const fault = findWordFault(parsed.data, taken);
  if (fault !== undefined) throw fail("PLUGIN_INVALID", `plugin ${parsed.data.name.slice(0, 64)}: ${fault}`);
  checkRoutingRules(parsed.data);
  const broken = parsed.data.policies
    .map((rules) => policyRulesSchema.safeParse(rules).error)
    .find((error) => error !== undefined);
  if (broken !== undefined)
    throw fail(
      "PLUGIN_INVALID",
      `plugin ${parsed.data.name}: its policies cannot be understood: ${broken.issues[0]?.message ?? ""}`,
    );
  return parsed.data;
}

/** What an untrusted plugin cannot have, told when it is loaded. */
function notesOf({ tools, contextTypes }: PluginManifest): string[] {
  const targets = tools.filter(({ has }) => has.includes("target"));
  const upgraded = contextTypes.filter(({ version = 1 }) => version > 1);
  return [
    ...targets.map(
      ({ name }) => `tool ${name}: its target is not used, because an untrusted plugin has no circuit of its own`,
    ),
    ...upgraded.map(
      ({ name, version }) =>
        `context type ${name}: entries of versions below ${version} are kept and not served, because an untrusted plugin's upgrades do not run`,
    ),
  ];
}
