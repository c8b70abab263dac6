/**
 * What a plugin says of itself, as plain data: what is checked, pinned, and sent by a child process.
 */
import { z } from "zod";
import type { Plugin, ToolDefinition } from "../types.ts";
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
  has: z.array(z.enum(MEMBERS)),
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
});

/** A plugin without its functions. */
export type PluginManifest = z.output<typeof manifestSchema>;
/** A tool without its functions; `has` names those that it has besides `run`. */
export type ToolManifest = PluginManifest["tools"][number];
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
  };
  return JSON.parse(JSON.stringify(manifest)) as PluginManifest;
}

function describeTool(tool: ToolDefinition): ToolManifest {
  const { name, title, description, toolset, annotations, deadlineMs, session, durable, concurrency, retry } = tool;
  const { readOnlyHint, destructiveHint, idempotentHint, openWorldHint } = annotations;
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
  return undefined;
}
