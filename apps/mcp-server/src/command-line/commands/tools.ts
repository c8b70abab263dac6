import type { ToolListing } from "@container-kit/atomic-runtime";
import { table } from "../../text/table.ts";
import { configure, pluginFlags } from "../command.ts";
import type { Command, PluginArguments } from "../command.ts";
import { EXIT } from "../exit-status.ts";

/** `tools`: every tool with its schemas, also those that the server does not offer by default. */
export const tools: Command<PluginArguments> = async (args, context) => {
  const { openApplication } = await import("../../wiring.ts");
  const application = await openApplication(await configure(context, pluginFlags(args)), {
    paths: { roots: [] },
    toolsets: "all",
    environment: context.host.environment,
  });
  try {
    const listings = application.runtime.list();
    context.output.text(listings.map(describe).join("\n\n"));
    context.output.document({ tools: listings });
    return EXIT.done;
  } finally {
    await application.close();
  }
};

function describe(listing: ToolListing): string {
  const { name, title, toolset, description, annotations, inputSchema, outputSchema, consumes, produces } = listing;
  const kind = annotations.readOnlyHint ? "reads" : annotations.destructiveHint ? "replaces" : "adds";
  return [
    `${name}  ·  ${title}  ·  toolset ${toolset}  ·  ${kind}`,
    description,
    indent(fields("input", inputSchema)),
    indent(fields("result", resultSchema(outputSchema))),
    ...(consumes.length === 0 ? [] : [`  takes from its session: ${consumes.join(", ")}`]),
    ...(produces.length === 0 ? [] : [`  leaves in its session: ${produces.join(", ")}`]),
  ].join("\n");
}

/** The schema of `result` within the envelope of every outcome. */
function resultSchema(envelope: Schema): Schema {
  return ((envelope["properties"] as Schema | undefined)?.["result"] ?? {}) as Schema;
}

type Schema = Readonly<Record<string, unknown>>;

function asSchemas(value: unknown): readonly Schema[] {
  return Array.isArray(value) ? (value as Schema[]) : [];
}

function fields(what: string, schema: Schema): string {
  const properties = Object.entries((schema["properties"] ?? {}) as Record<string, Schema>);
  const required = (schema["required"] ?? []) as readonly string[];
  if (properties.length === 0) return `${what}: none`;
  const rows = properties.map(([name, property]) => [
    required.includes(name) ? name : `${name}?`,
    typeOf(property),
    typeof property["description"] === "string" ? property["description"] : "",
  ]);
  return table([what, "type", "meaning"], rows);
}

function typeOf(schema: Schema): string {
  if (Array.isArray(schema["enum"])) return schema["enum"].map((value) => JSON.stringify(value)).join(" | ");
  if (schema["const"] !== undefined) return JSON.stringify(schema["const"]);
  const union = [...asSchemas(schema["anyOf"]), ...asSchemas(schema["oneOf"])];
  if (union.length > 0) return union.map(typeOf).join(" | ");
  if (schema["type"] === "array") return `${typeOf((schema["items"] ?? {}) as Schema)}[]`;
  const { type } = schema;
  if (Array.isArray(type)) return type.join(" | ");
  return typeof type === "string" ? type : "any";
}

function indent(text: string): string {
  return text.replace(/^/gm, "  ");
}
