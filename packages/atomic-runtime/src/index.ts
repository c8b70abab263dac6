/**
 * What a tool is, and how one execution of it runs: validated, recorded, bounded in time.
 *
 * @packageDocumentation
 */

// Defining: a tool is typed from its schemas, a plugin is a set of tools that is loaded together.
export { defineTool } from "./tool.ts";
export { definePlugin } from "./define-plugin.ts";
export { createProgress } from "./create-progress.ts";
export type { WorkOptions, WorkProgress } from "./create-progress.ts";
export type { NextStep, Plugin, ToolAnnotations, ToolContext, ToolDefinition, ToolProgress } from "./types.ts";
export type { RetryPolicy, UndoContext } from "./types.ts";
export type { ConsumedContext, NamedEntry, OutcomeContext, ProducedContext, ProducedEntry } from "./types.ts";

// Running: one runtime per program; every door calls it, and reads outcomes, never exceptions.
export { createRuntime, executeWithoutProgress, executeWithProgress } from "./runtime.ts";
export type { RuntimeOptions } from "./runtime.ts";
export type { CancelSignal, Runtime, ToolCall, ToolFailure, ToolListing, ToolOutcome, ToolSuccess } from "./types.ts";
export type { Recovery, RuntimeStatus } from "./types.ts";

// Policies: rules as plain data, that every act is judged by.
export { createPolicy } from "./policy/policy.ts";
export { policyRulesSchema } from "./policy/schema.ts";
export type { PolicyRule, PolicyRules } from "./policy/schema.ts";
export type { Policy, PolicySide, PolicySource } from "./policy/types.ts";
export type { PolicyFacts } from "./types.ts";

// Errors: the codes that this package adds.
export { runtimeErrors } from "./errors.ts";

// Plugins: loaded from packages, checked, pinned, and kept apart from this process unless they are trusted.
export { loadPlugins } from "./plugins/load-plugins.ts";
export type { LoadedPlugins, LoadPluginsOptions, PluginEntry, PluginReport } from "./plugins/types.ts";
export type { PinComparison } from "./plugins/pins.ts";
export { collectExtensions } from "./plugins/extensions.ts";
export type { Extensions } from "./plugins/extensions.ts";
export type {
  CredentialRequest,
  CredentialSource,
  ExtensionContext,
  Finding,
  FoundCredential,
} from "./plugins/roles.ts";
export type { PolicyData, Scanner, ScanRequest, Strategy, StrategyPlan, StrategyRequest } from "./plugins/roles.ts";
export { pluginErrors } from "./plugins/errors.ts";
