/**
 * The built-in tools, written as the first plugin.
 *
 * @packageDocumentation
 */

// The plugin, and what the program that loads it must hand in.
export { createBuiltinPlugin } from "./plugin.ts";
export type { PluginDescription, ServerDescription, StoreDescription, ToolServices } from "./services.ts";

// What the tools leave for each other.
export { contextTypes } from "./context-types.ts";

// Which folders the tools may touch.
export { createPathPolicy } from "./path-policy.ts";
export type { PathPolicy, PathPolicyOptions } from "./path-policy.ts";

// Errors: the codes that this package adds.
export { toolErrors } from "./errors.ts";
