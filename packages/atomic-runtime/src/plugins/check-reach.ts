/**
 * How far an untrusted plugin reaches into the work of others.
 *
 * - E1  It leaves entries only of types that it defines itself. The newest image of a session is what push_image sends where
 *       none is named: who may say what that is must be trusted. To say whose it was would not be enough, because the call
 *       is done by then.
 * - E2  It routes only failures of its own tools, and no rule of its replaces one of ours: a plugin that nobody called has
 *       no say in what follows a failed push.
 */
import { defaultRoutingRules } from "@container-kit/context-sharing";
import { visibleLine } from "../internal/visible.ts";
import type { PluginManifest } from "./manifest.ts";

/** What an untrusted plugin would take into its hands that is another's, in one sentence; undefined when it does not. */
export function findReachFault({ tools, contextTypes, routingRules }: PluginManifest): string | undefined {
  const types = new Set(contextTypes.map(({ name }) => name));
  for (const { name, produces = [] } of tools) {
    const foreign = produces.find((type) => !types.has(type));
    if (foreign !== undefined)
      return `tool ${name} leaves entries of the type ${visibleLine(foreign, 64)}, which is not its plugin's own: an untrusted plugin leaves only what it defines`;
  }
  const own = new Set(tools.map(({ name }) => name));
  const ours = new Set(defaultRoutingRules.map(({ name }) => name));
  for (const { name, fromTool } of routingRules) {
    if (ours.has(String(name)))
      return `routing rule ${String(name)} would replace a default: an untrusted plugin only adds rules`;
    const from = typeof fromTool === "string" ? [fromTool] : Array.isArray(fromTool) ? (fromTool as unknown[]) : [];
    if (from.length === 0 || !from.every((tool) => own.has(String(tool))))
      return `routing rule ${String(name)} is about failures of others' tools: an untrusted plugin routes only those of its own`;
  }
  return undefined;
}
