/**
 * Loads the plugins that a configuration names.
 *
 * - V1  A plugin that cannot be loaded stops nobody: it is left out, and its problem is told.
 * - V2  Files are summed and compared before any code of the plugin runs.
 * - V3  Untrusted is the default: such a plugin never runs in this process.
 * - V4  Words that changed since they were approved are refused (pins.ts).
 * - V5  Of a plugin that is left out it is told whether rules are missing with it: whoever judges acts must refuse then.
 * - V6  A plugin whose tools name a type of entries is left out with the plugin that defines it, and so on in turn.
 */
import { resolve } from "node:path";
import { toErrorResult } from "@container-kit/errors";
import { silentLogger } from "@container-kit/observability";
import type { Logger } from "@container-kit/observability";
import { fail } from "../errors.ts";
import { hostProgram } from "./host-program.ts";
import { openPlugin } from "./open-plugin.ts";
import type { OpenDefaults, OpenedPlugin } from "./open-plugin.ts";
import { isPath } from "./package-folder.ts";
import { comparePin, pinnedPolicies, pinOf, readPins, writePins } from "./pins.ts";
import type { Pin, PinComparison } from "./pins.ts";
import type { LoadedPlugins, LoadPluginsOptions, PluginEntry, PluginReport } from "./types.ts";

const NOTHING = {
  tools: [],
  scanners: [],
  strategies: [],
  credentialSources: [],
  contextTypes: [],
  routingRules: [],
  policies: false,
  notes: [],
} as const;

/** What options leave out. */
function defaults(): OpenDefaults {
  return {
    program: hostProgram(),
    importModule: (url: string): Promise<unknown> => import(url),
    deadlineMs: 10_000,
    processes: 4,
    heapMiB: 256,
    cpuSeconds: 1_800,
    environment: {},
  };
}

/** Loads plugins, each in its own time and all at once. Never throws for a plugin's sake. */
export async function loadPlugins(options: LoadPluginsOptions): Promise<LoadedPlugins> {
  const { entries, pins = "check", lockFile, logger = silentLogger } = options;
  const settings = { ...defaults(), ...options, logger };
  const pinned = pins === "look" ? readPins(lockFile).catch((): Pins => ({})) : readPins(lockFile);
  // Its rejection is each plugin's problem, below.
  pinned.catch(() => undefined);
  const known: Known = { taken: new Set(options.taken), names: new Set(), types: new Map(), rules: new Map() };
  for (const type of options.takenTypes ?? []) known.types.set(type, "the program");
  const served = new Map<number, Served>();
  const opened: OpenedPlugin[] = [];
  const reports: PluginReport[] = [];
  const attempts = await Promise.all(entries.map((entry) => attempt(() => openPlugin(entry, settings))));
  const leaveOut = async (index: number, entry: PluginEntry, thrown: unknown): Promise<void> => {
    const report = reports[index] as PluginReport;
    const problem = toErrorResult(thrown);
    const { code, message, remedy } = problem;
    logger.warn("a plugin was not loaded", { package: entry.package, code, problem: message, remedy });
    const policies = await hasRules(pinned, report, referenceOf(entry, options));
    reports[index] = { ...report, loaded: false, problem, policies };
  };

  for (const [index, entry] of entries.entries()) {
    const found = attempts[index];
    const base = { package: entry.package, trusted: entry.trusted === true };
    reports[index] = { ...base, ...NOTHING, loaded: false };
    try {
      if (found === undefined || "thrown" in found) throw found?.thrown;
      const plugin = found.value;
      opened.push(plugin);
      reports[index] = { ...reports[index], ...describe(plugin) };
      checkNames(plugin, known);
      const pin = pinOf(plugin.manifest, plugin.integrity, referenceOf(entry, options));
      const approved = (await pinned)[plugin.key];
      const comparison = comparePin(approved, pin);
      reports[index] = { ...reports[index], loaded: true, pin: comparison };
      if (pins === "check" && comparison.state === "words") throw changed(plugin, comparison);
      const isFresh = comparison.state !== "same" || approved?.package !== pin.package;
      served.set(index, { plugin, entry, comparison, pin: isFresh ? pin : undefined });
    } catch (thrown) {
      await leaveOut(index, entry, thrown);
    }
  }
  for (const [index, thrown] of findDependents(served, options)) {
    const { entry } = served.get(index) as Served;
    served.delete(index);
    await leaveOut(index, entry, thrown);
  }
  const loaded = [...served.values()];
  if (pins === "check") for (const { plugin, comparison } of loaded) tell(logger, plugin, comparison);
  if (pins !== "look") await keepPins(lockFile, loaded, { logger, must: pins === "approve" });
  const kept = new Set(loaded.map(({ plugin }) => plugin));
  await Promise.all(opened.filter((plugin) => !kept.has(plugin)).map((plugin) => plugin.close()));
  return {
    plugins: loaded.map(({ plugin }) => plugin.plugin),
    reports,
    close: async () => void (await Promise.all(loaded.map(({ plugin }) => plugin.close()))),
  };
}

/** A plugin that can be served, unless what it needs is not. */
interface Served {
  readonly plugin: OpenedPlugin;
  readonly entry: PluginEntry;
  readonly comparison: PinComparison;
  /** What is to be kept of it; absent when that is kept already. */
  readonly pin: Pin | undefined;
}

/** What a plugin is called even when it is not there: its path, or its package's name. */
function referenceOf(entry: PluginEntry, { folder }: LoadPluginsOptions): string {
  return isPath(entry.package) ? resolve(entry.folder ?? folder, entry.package) : entry.package;
}

/** V5. What was approved counts; of a plugin that never was, what it says; and where nobody knows, it may. */
async function hasRules(pinned: Promise<Pins>, report: PluginReport, reference: string): Promise<boolean> {
  try {
    const pins = await pinned;
    const known = report.folder === undefined ? undefined : pins[report.folder];
    if (pinnedPolicies(pins, reference) || pinnedPolicies(pins, report.folder ?? reference)) return true;
    return known === undefined && report.policies;
  } catch {
    // The lock file cannot be read, which is told with each plugin.
    return true;
  }
}

type Pins = Readonly<Record<string, Pin>>;
type Attempt<Value> = { readonly value: Value } | { readonly thrown: unknown };

async function attempt<Value>(act: () => Promise<Value>): Promise<Attempt<Value>> {
  try {
    return { value: await act() };
  } catch (thrown) {
    return { thrown };
  }
}

function describe({ manifest, folder, integrity, notes }: OpenedPlugin): Partial<PluginReport> {
  const { name, version, tools, scanners, strategies, credentialSources, contextTypes, routingRules } = manifest;
  return {
    name,
    version,
    folder,
    integrity,
    notes,
    tools: namesOf(tools),
    scanners: namesOf(scanners),
    strategies: namesOf(strategies),
    credentialSources: namesOf(credentialSources),
    contextTypes: namesOf(contextTypes),
    routingRules: routingRules.map((rule) => String(rule["name"])),
    policies: manifest.policies.length > 0,
  };
}

function namesOf(list: readonly { readonly name: string }[]): string[] {
  return list.map((item) => item.name);
}

/** What is called so already, and by whom. */
interface Known {
  readonly taken: Set<string>;
  readonly names: Set<string>;
  readonly types: Map<string, string>;
  /** Routing rules of plugins. */
  readonly rules: Map<string, string>;
}

/** V6. Whose tools take or leave what no served plugin defines: that is its own problem, not the program's. */
function findDependents(
  served: ReadonlyMap<number, Served>,
  { takenTypes, pins }: Pick<LoadPluginsOptions, "takenTypes" | "pins">,
): ReadonlyMap<number, Error> {
  const gone = new Map<number, Error>();
  if (takenTypes === undefined) return gone;
  const left = new Map(served);
  for (let before = -1; before !== gone.size;) {
    before = gone.size;
    // Who looks is told what a server would load.
    const present = [...left.values()].filter(({ comparison }) => pins === "approve" || comparison.state !== "words");
    const defined = new Set([...takenTypes, ...present.flatMap(({ plugin }) => namesOf(plugin.manifest.contextTypes))]);
    for (const [index, { plugin }] of left) {
      const fault = findUnknownType(plugin, defined);
      if (fault === undefined) continue;
      gone.set(index, fault);
      left.delete(index);
    }
  }
  return gone;
}

function findUnknownType({ manifest }: OpenedPlugin, defined: ReadonlySet<string>): Error | undefined {
  const own = namesOf(manifest.contextTypes);
  for (const { name, consumes = [], produces = [] } of manifest.tools) {
    const named = [...consumes.map(({ type }) => type), ...produces];
    const unknown = named.find((type) => !defined.has(type) && !own.includes(type));
    if (unknown !== undefined)
      return fail(
        "PLUGIN_INVALID",
        `plugin ${manifest.name}: tool ${name} names the context type ${unknown}, which no loaded plugin defines`,
        {
          remedy:
            "Correct the name, define the type in contextTypes, or see that the plugin that defines it is loaded.",
        },
      );
  }
  return undefined;
}

/** Between plugins: within one, and against the built-in tools, it was looked at when it was opened. */
function checkNames({ manifest }: OpenedPlugin, known: Known): void {
  if (known.names.has(manifest.name)) throw fail("PLUGIN_INVALID", `two plugins are called ${manifest.name}`);
  const double = manifest.tools.find(({ name }) => known.taken.has(name));
  if (double !== undefined) throw fail("PLUGIN_INVALID", `plugin ${manifest.name}: tool ${double.name} exists already`);
  for (const { name } of manifest.contextTypes) {
    const owner = known.types.get(name);
    if (owner !== undefined)
      throw fail("PLUGIN_INVALID", `plugin ${manifest.name}: context type ${name} is defined by ${owner} already`);
  }
  const rules = manifest.routingRules.map((rule) => String(rule["name"]));
  for (const name of rules) {
    const owner = known.rules.get(name);
    if (owner !== undefined)
      throw fail("PLUGIN_INVALID", `plugin ${manifest.name}: routing rule ${name} is defined by ${owner} already`);
  }
  known.names.add(manifest.name);
  for (const name of rules) known.rules.set(name, `plugin ${manifest.name}`);
  for (const { name } of manifest.contextTypes) known.types.set(name, `plugin ${manifest.name}`);
  for (const { name } of manifest.tools) known.taken.add(name);
}

function changed({ manifest }: OpenedPlugin, { changes }: PinComparison): Error {
  return fail(
    "PLUGIN_INVALID",
    `plugin ${manifest.name} says something else than what was approved: ${changes.slice(0, 10).join(", ")}`,
    {
      remedy: `Read it with container-kit plugins list, then run container-kit plugins approve ${manifest.name}; one that --plugin loads is approved by its folder.`,
      details: { plugin: manifest.name, changes: changes.slice(0, 50) },
    },
  );
}

function tell(logger: Logger, { manifest, integrity, notes }: OpenedPlugin, { state }: PinComparison): void {
  const facts = { plugin: manifest.name, version: manifest.version, integrity };
  if (state === "new") logger.info("a plugin was loaded for the first time and is pinned as it is", facts);
  if (state === "files") logger.warn("the files of a plugin changed; what it says of itself did not", facts);
  for (const note of notes) logger.warn(note, { plugin: manifest.name });
}

/** A state folder that cannot be written must not stop a server that only wants to note a pin. */
async function keepPins(
  lockFile: string,
  loaded: readonly Served[],
  { logger, must }: { readonly logger: Logger; readonly must: boolean },
): Promise<void> {
  const fresh = loaded.flatMap(({ plugin, pin }) => (pin === undefined ? [] : [[plugin.key, pin] as const]));
  if (fresh.length === 0) return;
  try {
    await writePins(lockFile, Object.fromEntries(fresh));
  } catch (error) {
    if (must) throw error;
    logger.warn("what was loaded could not be pinned", { lockFile, error });
  }
}
