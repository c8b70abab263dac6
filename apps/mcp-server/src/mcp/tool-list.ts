import type { Runtime, ToolListing } from "@container-kit/atomic-runtime";
import type { ListToolsResult } from "@modelcontextprotocol/sdk/types.js";

/**
 * The answer to tools/list, and its JSON: made once per process, because both cost more than a call.
 *
 * Every client puts the schemas into its model's context, in every conversation, so they are told in few tokens.
 *
 * - L1  What is listed allows everything that the runtime's own schemas allow: whatever a tool takes and returns fits.
 * - L2  Only what a caller does not need to call rightly is left out: limits of size, which an INVALID_INPUT tells when
 *       they are passed; which members of a result are always there; members of which nothing but the name is known.
 * - L3  `container-kit tools` shows the whole.
 */
export interface ToolList {
  readonly result: ListToolsResult;
  readonly json: string;
}

/** Renders the runtime's tools as MCP lists them. */
export function createToolList(runtime: Runtime): ToolList {
  const result = { tools: runtime.list().map(listTool) } as unknown as ListToolsResult;
  return { result, json: JSON.stringify(result) };
}

type Schema = Readonly<Record<string, unknown>>;

function listTool({ toolset: _toolset, inputSchema, outputSchema, ...tool }: ToolListing): object {
  return { ...tool, inputSchema: shorten(inputSchema, LIMITS), outputSchema: shorten(outputSchema, ALWAYS_THERE) };
}

const LIMITS = ["minLength", "maxLength", "minItems", "maxItems", "pattern", "format", "propertyNames"];
const ALWAYS_THERE = [...LIMITS, "required", "enum"];

/** A schema without these keywords, at every depth. */
function shorten(schema: Schema, without: readonly string[]): Schema {
  const kept = Object.entries(schema).filter(([keyword]) => !without.includes(keyword));
  return Object.fromEntries(kept.map(([keyword, value]) => [keyword, shortenValue(keyword, value, without)]));
}

function shortenValue(keyword: string, value: unknown, without: readonly string[]): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value))
    return keyword === "anyOf" ? value.map((option) => shorten(option as Schema, without)) : (value as unknown[]);
  if (keyword !== "properties" && keyword !== "$defs") return shorten(value as Schema, without);
  const members = Object.entries(value as Record<string, Schema>).map(
    ([name, member]) => [name, shorten(member, without)] as const,
  );
  // {} says that there is such a member and nothing else.
  return Object.fromEntries(members.filter(([, member]) => Object.keys(member).length > 0));
}
