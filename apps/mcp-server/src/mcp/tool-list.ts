import type { Runtime, ToolListing } from "@container-kit/atomic-runtime";
import type { ListToolsResult } from "@modelcontextprotocol/sdk/types.js";

/**
 * The answer to tools/list, and its JSON: made once per process, because both cost more than a call.
 *
 * Every client puts the schemas into its model's context, in every conversation, so they are told in few tokens.
 *
 * - L1  What is listed allows everything that the runtime's own schemas allow: whatever a tool takes and returns fits.
 * - L2  Of inputs, limits of size and form are left out (an INVALID_INPUT tells them), and the words about the fields
 *       that every tool has (the server's instructions say them once).
 * - L3  Of outputs, the members that every outcome has are left out, but for `ok` and `result`; and of a result, what it
 *       always holds, which values there are, what may be null, what lists of scalars hold, and what its form shows.
 * - L4  What tools leave for each other is left out: a result tells it, and which arguments may be left out is in the inputs.
 * - L5  `container-kit tools` shows the whole.
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

/** L4 */
function listTool(listing: ToolListing): object {
  const { toolset: _toolset, produces: _produces, consumes: _consumes, inputSchema, outputSchema, ...tool } = listing;
  return { ...tool, inputSchema: listInput(inputSchema), outputSchema: listOutput(outputSchema) };
}

const LIMITS = ["minLength", "maxLength", "minItems", "maxItems", "pattern", "format", "propertyNames"];
const COMMON_FIELDS = new Set(["sessionId", "dryRun", "idempotencyKey", "wait"]);

/** L2 */
function listInput(schema: Schema): Schema {
  const { properties, ...rest } = mapSchema(schema, (part) => omit(part, LIMITS));
  const fields = mapValues(properties as Readonly<Record<string, Schema>>, (field, name) =>
    COMMON_FIELDS.has(name) ? omit(field, ["description"]) : field,
  );
  return { ...rest, properties: fields };
}

/** L3 */
function listOutput({ properties, ...envelope }: Schema): Schema {
  const { ok, result } = properties as Readonly<Record<string, Schema>>;
  return { ...omit(envelope, ["required"]), properties: { ok, result: mapSchema(result ?? {}, shortenResult) } };
}

function shortenResult(part: Schema): Schema {
  const holdsScalars = ["items", "additionalProperties"].filter((keyword) => isScalar(part[keyword]));
  const short = omit(part, [...LIMITS, "required", "enum", ...holdsScalars]);
  const showsItsForm = "properties" in short || "items" in short || Array.isArray(short["type"]);
  return showsItsForm ? omit(short, ["type"]) : short;
}

function isScalar(value: unknown): boolean {
  const { type, ...rest } = (value ?? {}) as Schema;
  return ["string", "integer", "number", "boolean"].includes(type as string) && Object.keys(rest).length === 0;
}

/** The schema with every schema in it changed, the inner ones first. */
function mapSchema(schema: Schema, change: (part: Schema) => Schema): Schema {
  const inner = (value: unknown): Schema => mapSchema(value as Schema, change);
  const mapped = mapValues(schema, (value, keyword) => {
    if (typeof value !== "object" || value === null) return value;
    if (keyword === "anyOf") return (value as unknown[]).map(inner);
    if (keyword === "properties" || keyword === "$defs") return mapValues(value as Schema, inner);
    return keyword === "items" || keyword === "additionalProperties" ? inner(value) : value;
  });
  return change(mapped);
}

function mapValues<From, To>(
  members: Readonly<Record<string, From>>,
  change: (value: From, name: string) => To,
): Readonly<Record<string, To>> {
  return Object.fromEntries(Object.entries(members).map(([name, value]) => [name, change(value, name)]));
}

function omit(schema: Schema, keywords: readonly string[]): Schema {
  return Object.fromEntries(Object.entries(schema).filter(([keyword]) => !keywords.includes(keyword)));
}
