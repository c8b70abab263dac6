import { z } from "zod";
import { prepareDeclarations } from "./context/declarations.ts";
import type { Declarations } from "./context/declarations.ts";
import { fail } from "./errors.ts";
import type { ToolDefinition, ToolListing } from "./types.ts";

/** A tool with everything that a call or a listing needs, made once. */
export interface PreparedTool {
  readonly definition: ToolDefinition;
  /** The tool's fields and the runtime's, refusing every other. */
  readonly inputSchema: z.ZodObject;
  readonly inputFields: readonly string[];
  readonly declarations: Declarations;
  readonly listing: ToolListing;
}

const sessionId = z.string().describe("from an earlier result");

const wait = z.boolean().optional().describe("false: as a job");

const forEffects: z.ZodRawShape = {
  dryRun: z.boolean().optional().describe("check all, change nothing"),
  idempotencyKey: z.string().min(1).max(200).optional().describe("same key: no second effect"),
};

/** What the runtime adds to the tool's own fields. */
function addedFields({ annotations, session }: ToolDefinition): z.ZodRawShape {
  return {
    sessionId: session === "required" ? sessionId : sessionId.optional(),
    wait,
    ...(annotations.readOnlyHint ? {} : forEffects),
  };
}

/** Makes a tool's schemas. @param fills whether entries fill arguments here @throws PLUGIN_INVALID when one cannot be told as JSON Schema */
export function prepareTool(definition: ToolDefinition, fills = true): PreparedTool {
  try {
    const inputSchema: z.ZodObject = definition.input.safeExtend(addedFields(definition)).strict();
    const declarations = prepareDeclarations(definition);
    const inputJson = toJson(inputSchema, "input");
    return {
      definition,
      inputSchema,
      inputFields: Object.keys(inputSchema.shape),
      declarations,
      listing: {
        name: definition.name,
        title: definition.title,
        description: definition.description,
        toolset: definition.toolset,
        annotations: definition.annotations,
        inputSchema: fills ? tellDefaults(inputJson, declarations) : inputJson,
        outputSchema: toJson(envelopeOf(definition.output), "output"),
        produces: declarations.produced,
        consumes: declarations.consumed,
      },
    };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : "unknown reason";
    throw fail("PLUGIN_INVALID", `tool ${definition.name}: its schemas cannot be told as JSON Schema: ${reason}`, {
      cause,
    });
  }
}

/**
 * The whole outcome, success or failure, in few tokens: a client checks the structured content of failures too, so only
 * what both have is required, and a type is stated only where a reader acts on it.
 */
function envelopeOf(result: z.ZodObject): z.ZodObject {
  return z.object({
    ok: z.boolean(),
    tool: z.unknown(),
    sessionId: z.string().optional(),
    executionId: z.unknown().optional(),
    correlationId: z.unknown().optional(),
    dryRun: z.unknown().optional(),
    durationMs: z.unknown().optional(),
    jobId: z.string().optional(),
    // What a call is answered with that goes on as a job: told as shortly as it can be.
    result: z.union([result, z.unknown().meta({ required: ["jobId", "status"] })]).optional(),
    next: z.unknown().meta({ type: "array" }).optional(),
    error: z.unknown().meta({ type: "object" }).optional(),
  });
}

/** JSON Schema 2020-12 without what only costs tokens: the dialect (it is the default), and what every reader assumes. */
function toJson(schema: z.ZodObject, io: "input" | "output"): Readonly<Record<string, unknown>> {
  const { $schema: _dialect, ...json } = z.toJSONSchema(schema, {
    target: "draft-2020-12",
    io,
    override: ({ jsonSchema }) => {
      if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
      compressNullable(jsonSchema);
      // What a tool returns beyond its schema is dropped before it leaves, so forbidding it says nothing.
      if (io === "output" && jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties;
    },
  });
  return json;
}

type Json = Readonly<Record<string, unknown>>;

/** Says which arguments may be left out because entries of the session fill them. The one parse comes after the filling, so that its schema stays as it is. */
function tellDefaults(schema: Json, { fillable }: Declarations): Json {
  if (fillable.size === 0) return schema;
  const { required = [], properties = {} } = schema as {
    required?: readonly string[];
    properties?: Record<string, Json>;
  };
  const told = { ...properties };
  for (const [argument, types] of fillable) {
    const { description, ...rest } = told[argument] ?? {};
    const standard = `default: the session's last ${types.join(" or ")}`;
    told[argument] = {
      ...rest,
      description: typeof description === "string" ? `${description}; ${standard}` : standard,
    };
  }
  const { required: _required, ...whole } = schema;
  const still = required.filter((name) => !fillable.has(name));
  return { ...whole, properties: told, ...(still.length === 0 ? {} : { required: still }) };
}

/** `anyOf` of two bare types says in many tokens what `type` says in few. */
function compressNullable(schema: z.core.JSONSchema.BaseSchema): void {
  const { anyOf } = schema;
  const types = anyOf?.map((option) => (Object.keys(option).length === 1 ? option.type : undefined));
  if (types === undefined || !types.every((type) => typeof type === "string")) return;
  delete schema.anyOf;
  Object.assign(schema, { type: types });
}
