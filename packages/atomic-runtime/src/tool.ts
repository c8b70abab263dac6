import type { z } from "zod";
import { findDeclarationFault } from "./context/declarations.ts";
import type { RetryPolicy, ToolDefinition } from "./types.ts";

/** The fields that the runtime adds to a tool's input, and that no tool may define itself. */
const RESERVED_FIELDS = ["sessionId", "dryRun", "idempotencyKey", "wait"] as const;

const NAME = /^[a-z][a-z0-9_]{2,47}$/;
const HINTS = ["readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"] as const;
const OPTIONAL_FUNCTIONS = ["dryRun", "undo", "target", "acts", "next", "summarize"] as const;
const MOST_ATTEMPTS = 10;
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
  const behaviour = findBehaviourFault(tool);
  return behaviour === undefined ? undefined : wrong(behaviour);
}

/** What is wrong with how a tool runs, as the end of a sentence that begins with "expected". */
function findBehaviourFault(tool: Partial<ToolDefinition>): string | undefined {
  if (typeof tool.run !== "function") return "run to be a function";
  for (const name of OPTIONAL_FUNCTIONS) {
    const member: unknown = tool[name];
    if (member !== undefined && typeof member !== "function") return `${name} to be a function or absent`;
  }
  const { deadlineMs, session, durable, concurrency, retry } = tool;
  if (session !== undefined && session !== "required") return `session to be "required" or absent`;
  if (durable !== undefined && typeof durable !== "boolean") return "durable to be true or false";
  if (deadlineMs !== undefined && !isWhole(deadlineMs, 1, LONGEST_DEADLINE_MS)) {
    return `deadlineMs to be a whole number from 1 to ${LONGEST_DEADLINE_MS}, got ${String(deadlineMs)}`;
  }
  if (concurrency !== undefined && !isWhole(concurrency, 1, Number.MAX_SAFE_INTEGER)) {
    return `concurrency to be a whole number from 1, got ${String(concurrency)}`;
  }
  return (retry === undefined ? undefined : findRetryFault(retry)) ?? findDeclarationFault(tool);
}

function findRetryFault(retry: unknown): string | undefined {
  if (typeof retry !== "object" || retry === null) return "retry to be an object";
  const { attempts, firstPauseMs, longestPauseMs } = retry as Partial<Record<keyof RetryPolicy, unknown>>;
  if (!isWhole(attempts, 2, MOST_ATTEMPTS)) return `retry.attempts to be a whole number from 2 to ${MOST_ATTEMPTS}`;
  for (const pause of [firstPauseMs, longestPauseMs]) {
    if (pause !== undefined && !isWhole(pause, 1, LONGEST_DEADLINE_MS))
      return "the pauses of retry to be milliseconds from 1";
  }
  return undefined;
}

function isWhole(value: unknown, least: number, most: number): value is number {
  return Number.isInteger(value) && (value as number) >= least && (value as number) <= most;
}

/** By shape, because a plugin may bring its own copy of zod. */
function isObjectSchema(schema: unknown): boolean {
  if (typeof schema !== "object" || schema === null) return false;
  return "shape" in schema && typeof schema.shape === "object" && "safeParse" in schema && "_zod" in schema;
}
