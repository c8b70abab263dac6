/**
 * What tools tell each other, and where their failures go, put together for one program.
 *
 * - E1  Rules of the configuration that cannot be understood stop the program before anything is opened. Those of a
 *       plugin stop nobody: they are left out, aloud.
 * - E2  A rule may name a tool of a plugin, and leave out a rule of one. Where a plugin is not loaded, nobody knows what it
 *       has: a rule that names a tool of it is taken, and does not apply.
 */
import { contextTypes } from "@container-kit/atomic-tools";
import type { Plugin } from "@container-kit/atomic-runtime";
import {
  createContextStore,
  createEventBus,
  createFailureRouting,
  createRouter,
  defaultRoutingRules,
  mergeRoutingRules,
} from "@container-kit/context-sharing";
import type { ContextStore, EventBus, FailureRouting, Router, RoutingRule } from "@container-kit/context-sharing";
import { toErrorResult } from "@container-kit/errors";
import type { ErrorResult } from "@container-kit/errors";
import type { Logger, Redactor } from "@container-kit/observability";
import type { SessionCompanion } from "@container-kit/session";
import type { Storage } from "@container-kit/storage";
import type { RoutingSettings, RoutingSource } from "./config/config.ts";
import { knownCodes } from "./error-tables.ts";
import { readSessionEvents } from "./read-events.ts";

/** What is kept of sessions beside their record. */
export interface SharedContext {
  readonly context: ContextStore;
  readonly events: EventBus;
  /** What of it goes with a session, and is exported with it. */
  readonly companions: readonly SessionCompanion[];
}

/** Opens it on the program's store. @throws STORE_* */
export function openSharedContext(
  storage: Storage,
  { logger, redactor }: { readonly logger: Logger; readonly redactor: Redactor },
): SharedContext {
  const events = createEventBus(storage, { logger });
  const context = createContextStore(storage, { types: contextTypes, events, redactor });
  const companions: readonly SessionCompanion[] = [
    {
      name: "context",
      removeSession: (id) => context.removeSession(id),
      exportSession: (id) => context.exportSession(id),
    },
    {
      name: "events",
      removeSession: (id) => events.removeSession(id),
      exportSession: (id) => readSessionEvents(events, id),
    },
  ];
  return { context, events, companions };
}

/** What the router of a program is made of. */
interface RouterParts {
  readonly settings: RoutingSettings;
  readonly plugins: readonly Pick<Plugin, "name" | "tools" | "routingRules">[];
  /** Whether a plugin that was asked for is missing. */
  readonly isPluginMissing: boolean;
  readonly serves?: (tool: string) => boolean;
  /** Told of a plugin whose rules are left out (E1). */
  readonly onLeftOut?: (plugin: string, error: unknown) => void;
}

/** Why the rules of some plugins are left out, by the plugin's name (E1); whatever the configuration says. */
export function findRuleProblems(plugins: RouterParts["plugins"]): ReadonlyMap<string, ErrorResult> {
  const problems = new Map<string, ErrorResult>();
  const onLeftOut = (plugin: string, error: unknown): void => void problems.set(plugin, toErrorResult(error));
  const settings = { autoFix: true, budget: null, sources: [] };
  openRouter({ settings, plugins, isPluginMissing: false, onLeftOut });
  return problems;
}

/** (E1) @throws INVALID_INPUT naming the file and the rule */
export function checkRouting(settings: RoutingSettings, hasPlugins: boolean): void {
  openRouter({ settings, plugins: [], isPluginMissing: hasPlugins });
}

/** Built-in tools that the contract does not name. */
const BESIDE_THE_CONTRACT = ["probe_image"];

/** The one router of the program. @throws INVALID_INPUT for rules of the configuration */
function openRouter({ settings, plugins, isPluginMissing, serves, onLeftOut }: RouterParts): Router {
  const { budget, sources } = settings;
  const tools = [
    ...BESIDE_THE_CONTRACT,
    ...plugins.flatMap((plugin) => plugin.tools.map(({ name }) => name)),
    ...(isPluginMissing ? sources.flatMap(({ rules }) => rules.flatMap(toolsOf)) : []),
  ];
  const make = (more: readonly RoutingSource[]): Router =>
    createRouter({
      rules: mergeRoutingRules(defaultRoutingRules, ...more),
      tools,
      codes: knownCodes,
      random: Math.random,
      ...(serves === undefined ? {} : { serves }),
      ...(budget === null ? {} : { budget }),
    });
  const brought = plugins.flatMap((plugin) => rulesOf(plugin, make, onLeftOut));
  const all = [...brought, ...sources];
  return make(isPluginMissing ? withoutUnknown(all) : all);
}

/** (E1) */
function rulesOf(
  { name, routingRules = [] }: RouterParts["plugins"][number],
  make: (more: readonly RoutingSource[]) => Router,
  onLeftOut: RouterParts["onLeftOut"],
): readonly RoutingSource[] {
  if (routingRules.length === 0) return [];
  const brought = { source: `plugin ${name}`, rules: routingRules, disabled: [] };
  try {
    make([brought]);
    return [brought];
  } catch (error) {
    onLeftOut?.(name, error);
    return [];
  }
}

/** (E2) What is left out and not there may be a rule of the plugin that is missing. */
function withoutUnknown(sources: readonly RoutingSource[]): readonly RoutingSource[] {
  const known = new Set([...defaultRoutingRules, ...sources.flatMap(({ rules }) => rules)].map(({ name }) => name));
  return sources.map((source) => ({ ...source, disabled: source.disabled.filter((name) => known.has(name)) }));
}

function toolsOf(rule: RoutingRule): readonly string[] {
  const from = rule.fromTool ?? [];
  const to = rule.action === "route" ? [rule.toTool, ...(rule.then ?? []).map(({ tool }) => tool)] : [];
  return [...(typeof from === "string" ? [from] : from), ...to];
}

/** What the failure routing of a program is made of. */
interface RoutingParts extends Omit<RouterParts, "onLeftOut"> {
  readonly shared: SharedContext;
  readonly redactor: Redactor;
  readonly logger?: Pick<Logger, "warn">;
}

/** Where failures go in a program that runs tools: decides, and remembers in the sessions' context. @throws INVALID_INPUT */
export function openRouting({ shared, redactor, logger, ...parts }: RoutingParts): FailureRouting {
  const { context, events } = shared;
  const onLeftOut = (plugin: string, error: unknown): void => {
    const { code, message, remedy } = toErrorResult(error);
    logger?.warn("the routing rules of a plugin were left out", { plugin, code, problem: message, remedy });
  };
  return createFailureRouting({ router: openRouter({ ...parts, onLeftOut }), context, events, redactor });
}
