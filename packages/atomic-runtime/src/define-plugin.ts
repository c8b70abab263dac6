import { checkPlugins } from "./plugin.ts";
import { checkContextTypes } from "./plugins/context-types.ts";
import { checkRoutingRules } from "./plugins/routing-rules.ts";
import type { Plugin } from "./types.ts";

/**
 * Defines a set of tools, and of what else extends Container Kit, that is loaded together: gives back what it gets.
 *
 * @throws PLUGIN_INVALID when it was written for another version of the contract, two of its tools share a name, or a type or rule of its breaks the rules.
 */
export function definePlugin(plugin: Plugin): Plugin {
  checkPlugins([plugin]);
  checkContextTypes(plugin);
  checkRoutingRules(plugin);
  return plugin;
}
