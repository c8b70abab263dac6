/**
 * What a plugin says of itself, as plain data: what is checked, pinned, and sent by a child process.
 */
import { z } from "zod";
import type { ContextType } from "@container-kit/context-sharing";
import type { Plugin, ToolDefinition } from "../types.ts";
import { FAILURE_TYPES } from "../context/declarations.ts";
import { ROLE_NAMES, ROLES } from "./roles.ts";
import type { RoleName } from "./roles.ts";

const json = z.record(z.string(), z.unknown());
const MEMBERS = ["dryRun", "undo", "next", "summarize", "acts", "target"] as const;

const toolSchema = z.object({
  name: z.string(),
  title: z.string(),
  description: z.string(),
  toolset: z.string(),
  input: json,
  output: json,
  annotations: z.object({
    readOnlyHint: z.boolean(),
    destructiveHint: z.boolean(),
    idempotentHint: z.boolean(),
    openWorldHint: z.boolean(),
  }),
  deadlineMs: z.number().optional(),
  session: z.literal("required").optional(),
  durable: z.boolean().optional(),
  concurrency: z.number().optional(),
  retry: z
    .object({ attempts: z.number(), firstPauseMs: z.number().optional(), longestPauseMs: z.number().optional() })
    .optional(),
  consumes: z
    .array(
      z.object({
        type: z.string(),
        key: z.string().optional(),
        fills: z.record(z.string(), z.string()).optional(),
      }),
    )
    .max(16)
    .optional(),
  /** The types; what it leaves of them its process says with each result. */
  produces: z.array(z.string()).max(16).optional(),
  has: z.array(z.enum(MEMBERS)),
});

const contextTypeSchema = z.object({
  name: z.string().regex(/^[a-z][a-z0-9_]{0,63}$/),
  schema: json,
  version: z.number().int().min(1).max(1_000).optional(),
  ttlMs: z.number().positive().optional(),
  maxBytes: z.number().int().positive().optional(),
});

const extensionSchema = z.object({
  name: z.string(),
  title: z.string(),
  description: z.string(),
  describes: z.array(z.enum(["path", "image", "report"])).optional(),
});

/** The form of a {@link PluginManifest}, for one that another process sent. */
export const manifestSchema = z.object({
  name: z.string(),
  version: z.string(),
  apiVersion: z.literal(1),
  tools: z.array(toolSchema).max(64),
  scanners: z.array(extensionSchema).max(64),
  strategies: z.array(extensionSchema).max(64),
  credentialSources: z.array(extensionSchema).max(64),
  policies: z.array(json).max(64),
  /** Their upgrades are functions and stay where they are. */
  contextTypes: z.array(contextTypeSchema).max(64),
  routingRules: z.array(json).max(256),
});

/** A plugin without its functions. */
export type PluginManifest = z.output<typeof manifestSchema>;
/** A tool without its functions; `has` names those that it has besides `run`. */
export type ToolManifest = PluginManifest["tools"][number];
/** A type of context entries without its upgrades. */
export type ContextTypeManifest = PluginManifest["contextTypes"][number];
/** A scanner, strategy or credential source without its function. */
export type ExtensionManifest = PluginManifest["scanners"][number];

/** Describes a plugin that passed `checkPlugins`. @throws Error when a schema cannot be told as JSON Schema */
export function describePlugin(plugin: Plugin): PluginManifest {
  const extensions = Object.fromEntries(
    ROLE_NAMES.map((role) => [role, (plugin[role] ?? []).map((extension) => describeExtension(extension))]),
  ) as Record<RoleName, ExtensionManifest[]>;
  const manifest: PluginManifest = {
    name: plugin.name,
    version: plugin.version,
    apiVersion: plugin.apiVersion,
    tools: plugin.tools.map((tool) => describeTool(tool)),
    ...extensions,
    policies: [...(plugin.policies ?? [])],
    contextTypes: (plugin.contextTypes ?? []).map((type) => describeContextType(type)),
    routingRules: (plugin.routingRules ?? []).map((rule) => ({ ...rule })),
  };
  return JSON.parse(JSON.stringify(manifest)) as PluginManifest;
}

function describeTool(tool: ToolDefinition): ToolManifest {
  const { name, title, description, toolset, annotations, deadlineMs, session, durable, concurrency, retry } = tool;
  const { readOnlyHint, destructiveHint, idempotentHint, openWorldHint } = annotations;
  const { consumes, produces } = tool;
  return {
    name,
    title,
    description,
    toolset,
    input: schemaOf(tool, "input"),
    output: schemaOf(tool, "output"),
    annotations: { readOnlyHint, destructiveHint, idempotentHint, openWorldHint },
    deadlineMs,
    session,
    durable,
    concurrency,
    retry,
    consumes: consumes?.map(({ type, key, fills }) => ({ type, key, fills })),
    produces: produces?.map(({ type }) => type),
    has: MEMBERS.filter((member) => typeof tool[member] === "function"),
  };
}

function schemaOf(tool: ToolDefinition, io: "input" | "output"): Record<string, unknown> {
  try {
    const { $schema: _dialect, ...schema } = z.toJSONSchema(tool[io], { target: "draft-2020-12", io });
    return schema;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : "unknown reason";
    throw new TypeError(`tool ${tool.name}: its ${io} cannot be told as JSON Schema: ${reason}`, { cause });
  }
}

function describeContextType({ name, schema, version, ttlMs, maxBytes }: ContextType): ContextTypeManifest {
  try {
    const { $schema: _dialect, ...told } = z.toJSONSchema(schema, { target: "draft-2020-12", io: "input" });
    return { name, schema: told, version, ttlMs, maxBytes };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : "unknown reason";
    throw new TypeError(`context type ${name}: its schema cannot be told as JSON Schema: ${reason}`, { cause });
  }
}

function describeExtension(extension: object): ExtensionManifest {
  const { name, title, description, describes } = extension as ExtensionManifest;
  return { name, title, description, ...(describes === undefined ? {} : { describes }) };
}

/** Why a plugin's extensions are not what their role asks for, in one sentence; undefined when they are. */
export function findExtensionFault(plugin: Plugin): string | undefined {
  for (const role of ROLE_NAMES) {
    const extensions: unknown = plugin[role] ?? [];
    if (!Array.isArray(extensions)) return `expected ${role} to be a list`;
    for (const extension of extensions as unknown[]) {
      const parsed = extensionSchema.safeParse(extension);
      if (!parsed.success) return `expected each of ${role} to have a name, a title and a description`;
      const { method } = ROLES[role];
      if (typeof (extension as Record<string, unknown>)[method] !== "function")
        return `${role} ${parsed.data.name}: expected ${method} to be a function`;
      if (role === "scanners" && (parsed.data.describes ?? []).length === 0)
        return `scanner ${parsed.data.name}: expected describes to name path, image or report`;
    }
  }
  const policies: unknown = plugin.policies ?? [];
  if (!z.array(json).safeParse(policies).success) return "expected policies to be a list of plain data";
  if (!z.array(json).safeParse(plugin.routingRules ?? []).success)
    return "expected routingRules to be a list of plain data";
  return findContextTypeFault(plugin.contextTypes ?? []);
}

function findContextTypeFault(types: unknown): string | undefined {
  if (!Array.isArray(types)) return "expected contextTypes to be a list";
  for (const type of types as unknown[]) {
    const { name, schema, upgrades } = (type ?? {}) as Partial<Record<keyof ContextType, unknown>>;
    if (!contextTypeSchema.omit({ schema: true }).safeParse(type).success)
      return `expected each of contextTypes to have a name in snake_case, and its numbers to be above 0, got ${JSON.stringify(name)}`;
    if (String(name).startsWith(FAILURE_TYPES))
      return `expected contextTypes without ${String(name)}: such types belong to the failure routing`;
    // By shape, because a plugin may bring its own copy of zod.
    if (typeof schema !== "object" || schema === null || !("_zod" in schema))
      return `context type ${String(name)}: expected schema to be of zod`;
    if (upgrades !== undefined && (typeof upgrades !== "object" || upgrades === null))
      return `context type ${String(name)}: expected upgrades to be functions by version`;
  }
  return undefined;
}
