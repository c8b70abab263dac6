import type { z } from "zod";
import type { ToolDefinition } from "./types.ts";

/** The fields that the runtime adds to a tool's input, and that no tool may define itself. */
const RESERVED_FIELDS = ["sessionId", "dryRun", "idempotencyKey"] as const;

const NAME = /^[a-z][a-z0-9_]{2,47}$/;
const HINTS = ["readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"] as const;
/** What a Node timer can wait at most; beyond it fires at once. */
const LONGEST_DEADLINE_MS = 2 ** 31 - 1;

/**
 * Defines a tool: gives back what it gets, with `run` typed from the schemas.
 *
 * @throws TypeError when the definition breaks the contract of a tool, naming the first part that does.
 */
export function defineTool<Input extends z.ZodObject, Output extends z.ZodObject>(
  definition: ToolDefinition<Input, Output>,
): ToolDefinition<Input, Output> {
  const fault = findToolFault(definition);
  if (fault !== undefined) throw new TypeError(fault);
  return definition;
}

/** What breaks the contract of a tool, in one sentence, or undefined. Plugins may be plain JavaScript: nothing is taken for granted. */
export function findToolFault(definition: unknown): string | undefined {
  if (typeof definition !== "object" || definition === null) return `expected a tool, got ${typeof definition}`;
  const tool = definition as Partial<ToolDefinition>;
  if (typeof tool.name !== "string" || !NAME.test(tool.name)) {
    return `expected a tool name that matches ${NAME.source}, got ${JSON.stringify(tool.name)}`;
  }
  const wrong = (what: string) => `tool ${tool.name}: expected ${what}`;
  for (const field of ["title", "description", "toolset"] as const) {
    if (typeof tool[field] !== "string" || tool[field].trim() === "") return wrong(`a ${field}`);
  }
  for (const hint of HINTS) {
    if (typeof tool.annotations?.[hint] !== "boolean") return wrong(`annotations.${hint} to be true or false`);
  }
  for (const schema of ["input", "output"] as const) {
    if (!isObjectSchema(tool[schema])) return wrong(`${schema} to be a zod object`);
  }
  for (const field of RESERVED_FIELDS) {
    if (tool.input !== undefined && field in tool.input.shape) {
      return wrong(`an input without the field ${field}, which the runtime adds`);
    }
  }
  if (typeof tool.run !== "function") return wrong("run to be a function");
  const { deadlineMs, session } = tool;
  if (session !== undefined && session !== "required") return wrong(`session to be "required" or absent`);
  if (
    deadlineMs !== undefined &&
    !(Number.isInteger(deadlineMs) && deadlineMs > 0 && deadlineMs <= LONGEST_DEADLINE_MS)
  ) {
    return wrong(`deadlineMs to be a whole number from 1 to ${LONGEST_DEADLINE_MS}, got ${deadlineMs}`);
  }
  return undefined;
}

/** By shape, because a plugin may bring its own copy of zod. */
function isObjectSchema(schema: unknown): boolean {
  if (typeof schema !== "object" || schema === null) return false;
  return "shape" in schema && typeof schema.shape === "object" && "safeParse" in schema && "_zod" in schema;
}
