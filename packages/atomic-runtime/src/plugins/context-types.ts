import { defineContextType } from "@container-kit/context-sharing";
import { fail } from "../errors.ts";
import type { Plugin } from "../types.ts";

/**
 * Checks a plugin's types of context entries while it is loaded: one that breaks the rules would otherwise stop the program
 * that registers it. Not in a plugin's own process, which has no need of what knows the rules.
 *
 * @throws PLUGIN_INVALID
 */
export function checkContextTypes({ name, contextTypes = [] }: Pick<Plugin, "name" | "contextTypes">): void {
  for (const type of contextTypes) {
    try {
      defineContextType(type);
    } catch (cause) {
      if (!(cause instanceof TypeError)) throw cause;
      throw fail("PLUGIN_INVALID", `plugin ${name}: in contextTypes, ${cause.message}`, { cause });
    }
  }
}
