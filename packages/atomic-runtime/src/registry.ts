import type { ContextStore } from "@container-kit/context-sharing";
import { registerTypes } from "./context/register-types.ts";
import { fail } from "./errors.ts";
import { nearest } from "./internal/nearest.ts";
import { visibleLine } from "./internal/visible.ts";
import { checkPlugins } from "./plugin.ts";
import { checkRoutingRules } from "./plugins/routing-rules.ts";
import { prepareTool } from "./schema.ts";
import type { PreparedTool } from "./schema.ts";
import type { Plugin, ToolListing } from "./types.ts";

/** The contract's toolsets in the order in which they are listed. */
const TOOLSETS = ["build", "image", "security", "deploy", "workflow", "sandbox", "run", "session", "server"];

/** The toolsets that are served unless others are asked for. */
export const DEFAULT_TOOLSETS = ["build", "image", "security", "workflow", "session", "server"];

/** Which of the tools that are loaded a client may see and call. */
export interface ServedTools {
  readonly toolsets: readonly string[];
  readonly readOnly: boolean;
}

/** The tools that are loaded, prepared once. */
export interface Registry {
  /** The tools that are served, in the fixed order; the same list each time. */
  readonly listings: readonly ToolListing[];
  /** @throws TOOL_NOT_FOUND when there is none or its toolset is not served; POLICY_DENIED when it has effects and only reading is allowed */
  get(name: string): PreparedTool;
  serves(name: string): boolean;
  /** The tools that are served and leave entries of this type, in the order of the list. */
  producersOf(type: string): readonly string[];
  /** A tool that is loaded, served or not. */
  find(name: string): PreparedTool | undefined;
}

/**
 * Loads plugins.
 *
 * @param context what tools tell each other; without it they take and leave nothing
 * @throws PLUGIN_INVALID INVALID_INPUT (a toolset that nobody has)
 */
export function createRegistry(plugins: readonly Plugin[], served: ServedTools, context?: ContextStore): Registry {
  checkPlugins(plugins);
  for (const plugin of plugins) checkRoutingRules(plugin);
  const tools = new Map<string, PreparedTool>();
  const types = context === undefined ? undefined : registerTypes(context, plugins);
  for (const plugin of plugins) {
    for (const tool of plugin.tools) {
      const prepared = prepareTool(tool, types !== undefined);
      if (types !== undefined) checkTypes(plugin, prepared, types);
      tools.set(tool.name, prepared);
    }
  }
  checkToolsets(served.toolsets, tools);

  const whyHidden = ({ definition }: PreparedTool): "toolset" | "effects" | undefined => {
    if (!served.toolsets.includes(definition.toolset)) return "toolset";
    return served.readOnly && !definition.annotations.readOnlyHint ? "effects" : undefined;
  };
  const visible = new Map([...tools].filter(([, tool]) => whyHidden(tool) === undefined));

  const listings = [...visible.values()].map((tool) => tool.listing).sort((a, b) => rank(a.toolset) - rank(b.toolset));

  return {
    listings,
    producersOf: (type) => listings.filter(({ produces }) => produces.includes(type)).map(({ name }) => name),
    serves: (name) => visible.has(name),
    find: (name) => tools.get(name),
    get(name) {
      const found = visible.get(name);
      if (found !== undefined) return found;
      const hidden = tools.get(name);
      if (hidden === undefined) throw notFound(name, [...visible.keys()]);
      throw whyHidden(hidden) === "effects" ? changesThings(name) : notServed(name, hidden.definition.toolset);
    },
  };
}

function checkTypes(plugin: Plugin, { definition, declarations }: PreparedTool, known: ReadonlySet<string>): void {
  const unknown = [...declarations.consumed, ...declarations.produced].find((type) => !known.has(type));
  if (unknown === undefined) return;
  const similar = nearest(unknown, known);
  throw fail(
    "PLUGIN_INVALID",
    `plugin ${plugin.name}: tool ${definition.name} takes or leaves context entries of the type ${unknown}, which nobody defines`,
    similar.length === 0 ? {} : { remedy: `Write ${similar.join(" or ")}, or define the type in contextTypes.` },
  );
}

function rank(toolset: string): number {
  const index = TOOLSETS.indexOf(toolset);
  return index === -1 ? TOOLSETS.length : index;
}

function checkToolsets(asked: readonly string[], tools: ReadonlyMap<string, PreparedTool>): void {
  const known = new Set([...TOOLSETS, ...[...tools.values()].map((tool) => tool.definition.toolset)]);
  const unknown = asked.find((toolset) => !known.has(toolset));
  if (unknown === undefined) return;
  throw fail("INVALID_INPUT", `there is no toolset ${visibleLine(unknown, 64)}`, {
    remedy: `Choose from ${[...known].join(", ")}.`,
  });
}

function notFound(name: string, names: readonly string[]): Error {
  const similar = nearest(name, names);
  return fail("TOOL_NOT_FOUND", `there is no tool ${visibleLine(name, 64)}`, {
    ...(similar.length === 0 ? {} : { remedy: `Call ${similar.join(" or ")} instead.` }),
    details: { similar },
  });
}

function notServed(name: string, toolset: string): Error {
  return fail("TOOL_NOT_FOUND", `tool ${name} belongs to the toolset ${toolset}, which is not served`, {
    remedy: `Start the server with the toolset ${toolset} among its toolsets.`,
    details: { toolset },
  });
}

function changesThings(name: string): Error {
  return fail("POLICY_DENIED", `tool ${name} changes things, and only reading is allowed here`, {
    remedy: "Start the server without read-only if changes are wanted.",
  });
}
