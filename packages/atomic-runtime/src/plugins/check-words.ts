/**
 * What a plugin may be called and may say.
 *
 * - N1  Names are ASCII, so that no letter of another script can pass for one of ours.
 * - N2  No name is, or reads like, that of a built-in tool: a client must know whom it calls.
 * - N3  A model reads descriptions. Nothing in them is hidden from the person who approves them.
 */
import { visible, visibleLine } from "../internal/visible.ts";
import type { PluginManifest } from "./manifest.ts";
import { ROLE_NAMES } from "./roles.ts";

/** The contract's tools, also those that this build does not have yet, and the others of the built-in plugin. */
const BUILT_IN = (
  "analyze_repository generate_dockerfile validate_dockerfile build_image pull_image push_image " +
  "tag_image inspect_image validate_credentials scan_security scan_secrets generate_remediation " +
  "generate_manifests deploy_kubernetes validate_deployment prepare_cluster execute_workflow execute_custom_workflow " +
  "validate_workflow workflow_status control_workflow sandbox_run list_sessions get_session " +
  "get_job cancel_job server_status probe_image"
).split(" ");
const RESERVED_PREFIXES = ["container_kit_", "mcp_", "system_"];
const PLUGIN_NAME = /^(?:@[a-z0-9][a-z0-9._-]{0,63}\/)?[a-z0-9][a-z0-9._-]{0,63}$/;
const NAME = /^[a-z][a-z0-9_]{2,47}$/;
const TOOLSET = /^[a-z]{1,32}$/;
const LONGEST_TITLE = 120;
const LONGEST_DESCRIPTION = 4_000;
const LARGEST_SCHEMA = 64 * 1024;

/** Why a plugin that is not ours may not be called or say what it does; undefined when it may. @param taken names of tools that are loaded already */
export function findWordFault(manifest: PluginManifest, taken: readonly string[] = []): string | undefined {
  if (!PLUGIN_NAME.test(manifest.name)) return `expected a plugin name like a package's, got ${show(manifest.name)}`;
  if (manifest.version.length > 64 || isHidden(manifest.version))
    return `expected a version, got ${show(manifest.version)}`;
  const own = new Set<string>();
  const others = new Map([...BUILT_IN, ...taken].map((name) => [fold(name), name]));
  for (const tool of manifest.tools) {
    const fault = findNameFault(tool.name, own, others) ?? findTextFault(tool);
    if (fault !== undefined) return `tool ${show(tool.name)}: ${fault}`;
    if (!TOOLSET.test(tool.toolset))
      return `tool ${tool.name}: expected a toolset of lower-case letters, got ${show(tool.toolset)}`;
    for (const io of ["input", "output"] as const) {
      const schemaFault = findSchemaFault(tool[io]);
      if (schemaFault !== undefined) return `tool ${tool.name}: ${io} ${schemaFault}`;
    }
  }
  for (const type of manifest.contextTypes) {
    const fault = findSchemaFault(type.schema);
    if (fault !== undefined) return `context type ${type.name}: its schema ${fault}`;
  }
  const words = manifest.tools.map(({ consumes = [] }) => consumes);
  const hidden = textsOf([manifest.routingRules, words]).find((text) => isHidden(text));
  if (hidden !== undefined) return `a rule or a declaration has invisible characters: ${show(hidden)}`;
  for (const role of ROLE_NAMES) {
    const names = new Set<string>();
    for (const extension of manifest[role]) {
      const fault = findNameFault(extension.name, names, new Map()) ?? findTextFault(extension);
      if (fault !== undefined) return `${role} ${show(extension.name)}: ${fault}`;
    }
  }
  return undefined;
}

function findNameFault(name: string, own: Set<string>, others: ReadonlyMap<string, string>): string | undefined {
  if (!NAME.test(name)) return `expected a name that matches ${NAME.source}`;
  if (own.has(name)) return "is defined twice";
  own.add(name);
  const prefix = RESERVED_PREFIXES.find((reserved) => name.startsWith(reserved));
  if (prefix !== undefined) return `the prefix ${prefix} is reserved`;
  const other = others.get(fold(name));
  if (other !== undefined)
    return other === name ? "a tool of that name exists already" : `reads like the tool ${other}`;
  return undefined;
}

/** N2: `pu11_image` and `pullimage` read like `pull_image`. */
function fold(name: string): string {
  return name
    .replaceAll("_", "")
    .replaceAll("0", "o")
    .replaceAll(/[1i]/g, "l")
    .replaceAll("5", "s")
    .replaceAll("rn", "m");
}

function findTextFault({ title, description }: { title: string; description: string }): string | undefined {
  for (const [what, text, longest] of [
    ["title", title, LONGEST_TITLE],
    ["description", description, LONGEST_DESCRIPTION],
  ] as const) {
    if (text.trim() === "") return `expected a ${what}`;
    if (text.length > longest) return `its ${what} is longer than ${longest} characters`;
    if (isHidden(text)) return `its ${what} has invisible characters: ${show(text)}`;
  }
  return undefined;
}

function findSchemaFault(schema: Readonly<Record<string, unknown>>): string | undefined {
  const text = JSON.stringify(schema);
  if (text.length > LARGEST_SCHEMA) return `is a schema of more than ${LARGEST_SCHEMA} characters`;
  const hidden = textsOf(schema).find((part) => isHidden(part));
  return hidden === undefined ? undefined : `has invisible characters: ${show(hidden)}`;
}

/** Every text of a schema, names of fields included. */
function textsOf(value: unknown): string[] {
  if (typeof value === "string") return [value];
  if (Array.isArray(value)) return value.flatMap((item) => textsOf(item));
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, item]) => [key, ...textsOf(item)]);
}

function isHidden(text: string): boolean {
  return visible(text) !== text;
}

function show(text: string): string {
  return JSON.stringify(visibleLine(text, 64));
}
