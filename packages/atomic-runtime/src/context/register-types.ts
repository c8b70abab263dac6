import type { ContextStore } from "@container-kit/context-sharing";
import { isKitError } from "@container-kit/errors";
import { fail } from "../errors.ts";
import type { Plugin } from "../types.ts";

/** Makes the plugins' types known to the store. @returns all types that it knows then @throws PLUGIN_INVALID */
export function registerTypes(context: ContextStore, plugins: readonly Plugin[]): ReadonlySet<string> {
  for (const plugin of plugins) {
    for (const type of plugin.contextTypes ?? []) {
      try {
        context.register(type);
      } catch (cause) {
        if (!(cause instanceof TypeError) && !isKitError(cause, "CONFLICT")) throw cause;
        throw fail("PLUGIN_INVALID", `plugin ${plugin.name}: context type ${type.name}: ${cause.message}`, { cause });
      }
    }
  }
  return new Set(context.types());
}
