import { fail } from "./errors.ts";
import { findExtensionFault } from "./plugins/manifest.ts";
import { findToolFault } from "./tool.ts";
import type { Plugin } from "./types.ts";

const API_VERSION = 1;

/** Checks plugins that are to be loaded side by side. @throws PLUGIN_INVALID */
export function checkPlugins(plugins: readonly Plugin[]): void {
  const owners = new Map<string, string>();
  for (const plugin of plugins) {
    const fault = findPluginFault(plugin);
    if (fault !== undefined) throw fail("PLUGIN_INVALID", fault);
    for (const tool of plugin.tools) {
      const toolFault = findToolFault(tool);
      if (toolFault !== undefined) throw fail("PLUGIN_INVALID", `plugin ${plugin.name}: ${toolFault}`);
      const owner = owners.get(tool.name);
      if (owner !== undefined) {
        throw fail(
          "PLUGIN_INVALID",
          `tool ${tool.name} is defined twice: by plugin ${owner} and by plugin ${plugin.name}`,
        );
      }
      owners.set(tool.name, plugin.name);
    }
    const extensionFault = findExtensionFault(plugin);
    if (extensionFault !== undefined) throw fail("PLUGIN_INVALID", `plugin ${plugin.name}: ${extensionFault}`);
  }
}

function findPluginFault(plugin: unknown): string | undefined {
  if (typeof plugin !== "object" || plugin === null) return `expected a plugin, got ${typeof plugin}`;
  const { name, version, apiVersion, tools } = plugin as Partial<Record<keyof Plugin, unknown>>;
  if (typeof name !== "string" || name.trim() === "") return "expected a plugin with a name";
  if (typeof version !== "string" || version.trim() === "") return `plugin ${name}: expected a version`;
  if (apiVersion !== API_VERSION)
    return `plugin ${name}: expected apiVersion ${API_VERSION}, got ${String(apiVersion)}`;
  if (!Array.isArray(tools)) return `plugin ${name}: expected tools to be a list`;
  return undefined;
}
