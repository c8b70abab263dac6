import { checkPlugins } from "./plugin.ts";
import { checkRoutingRules } from "./plugins/routing-rules.ts";
import type { Plugin } from "./types.ts";

/**
 * Defines a set of tools, and of what else extends Container Kit, that is loaded together: gives back what it gets.
 *
 * @throws PLUGIN_INVALID when it was written for another version of the contract, or two of its tools share a name.
 */
export function definePlugin(plugin: Plugin): Plugin {
  checkPlugins([plugin]);
  checkRoutingRules(plugin);
  return plugin;
}
