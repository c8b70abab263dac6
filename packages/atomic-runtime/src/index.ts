/**
 * What a tool is, and how one execution of it runs: validated, recorded, bounded in time.
 *
 * @packageDocumentation
 */

// Defining: a tool is typed from its schemas, a plugin is a set of tools that is loaded together.
export { defineTool } from "./tool.ts";
export { definePlugin } from "./plugin.ts";
export type { NextStep, Plugin, ToolAnnotations, ToolContext, ToolDefinition, ToolProgress } from "./types.ts";

// Running: one runtime per program; every door calls it, and reads outcomes, never exceptions.
export { createRuntime, executeWithoutProgress, executeWithProgress } from "./runtime.ts";
export type { RuntimeOptions } from "./runtime.ts";
export type { Runtime, ToolCall, ToolFailure, ToolListing, ToolOutcome, ToolSuccess } from "./types.ts";

// Errors: the codes that this package adds.
export { runtimeErrors } from "./errors.ts";
