/**
 * What a tool declares that it takes from its session and leaves there: checked, and prepared once for all its calls.
 */
import type { ConsumedContext, ProducedContext, ToolDefinition } from "../types.ts";

const TYPE = /^[a-z][a-z0-9_]{0,63}$/;
/** Types of this beginning are the failure routing's own. */
export const FAILURE_TYPES = "failure_";
const REFERENCE = /^\$\{input((?:\.[A-Za-z_][A-Za-z0-9_]*)+)\}$/;
const LONGEST_KEY = 512;
const MOST = 16;

/** An argument that an entry may fill, and where in its value it is. */
interface Filling {
  readonly argument: string;
  readonly path: readonly string[];
}

/** One {@link ConsumedContext}, taken apart. */
export interface Consumption {
  readonly type: string;
  readonly fills: readonly Filling[];
  /** Which entry an input means; undefined: the newest of the type. */
  keyOf(input: Readonly<Record<string, unknown>>): string | undefined;
}

/** All declarations of one tool. */
export interface Declarations {
  readonly consumes: readonly Consumption[];
  readonly produces: readonly ProducedContext[];
  /** The types that it takes, each once. */
  readonly consumed: readonly string[];
  /** The types that it leaves, each once. */
  readonly produced: readonly string[];
  /** Per argument that may be left out: the types that fill it. */
  readonly fillable: ReadonlyMap<string, readonly string[]>;
}

/** Prepares the declarations of a tool that passed {@link findDeclarationFault}. */
export function prepareDeclarations({ consumes = [], produces = [] }: ToolDefinition): Declarations {
  const prepared = consumes.map(prepareConsumption);
  const fillable = new Map<string, string[]>();
  for (const { type, fills } of prepared)
    for (const { argument } of fills) fillable.set(argument, [...(fillable.get(argument) ?? []), type]);
  return {
    consumes: prepared,
    produces,
    consumed: [...new Set(consumes.map(({ type }) => type))],
    produced: [...new Set(produces.map(({ type }) => type))],
    fillable,
  };
}

/** What is found in a value along a path of own members. */
export function readPath(value: unknown, path: readonly string[]): unknown {
  let found = value;
  for (const step of path) {
    if (typeof found !== "object" || found === null || !Object.hasOwn(found, step)) return undefined;
    found = (found as Record<string, unknown>)[step];
  }
  return found;
}

/** What is wrong with a tool's declarations, as the end of a sentence that begins with "expected". */
export function findDeclarationFault(tool: Partial<ToolDefinition>): string | undefined {
  const { consumes = [], produces = [] } = tool as { readonly consumes?: unknown; readonly produces?: unknown };
  for (const [name, list] of [
    ["consumes", consumes],
    ["produces", produces],
  ] as const) {
    if (!Array.isArray(list) || list.length > MOST) return `${name} to be a list of at most ${MOST}`;
    for (const item of list as unknown[]) {
      if (typeof item !== "object" || item === null) return `each of ${name} to be an object`;
      const { type } = item as { readonly type?: unknown };
      if (typeof type !== "string" || !TYPE.test(type))
        return `each of ${name} to name a type that matches ${TYPE.source}`;
      if (type.startsWith(FAILURE_TYPES)) return `${name} without ${type}: such types belong to the failure routing`;
    }
  }
  for (const item of produces as unknown[]) {
    const { from, type } = item as Partial<ProducedContext>;
    if (typeof from !== "function") return `produces ${type}: from to be a function`;
  }
  for (const item of consumes as unknown[]) {
    const fault = findConsumptionFault(item as Partial<Record<keyof ConsumedContext, unknown>>, tool);
    if (fault !== undefined) return `consumes ${(item as ConsumedContext).type}: ${fault}`;
  }
  return undefined;
}

function findConsumptionFault(
  { key, fills = {} }: Partial<Record<keyof ConsumedContext, unknown>>,
  { input }: Partial<ToolDefinition>,
): string | undefined {
  const isField = (name: string): boolean => input !== undefined && Object.hasOwn(input.shape, name);
  if (key !== undefined) {
    if (typeof key !== "string" || key === "" || key.length > LONGEST_KEY) return "key to be a text";
    const [, field] = REFERENCE.exec(key)?.[1]?.split(".") ?? [];
    if (key.includes("${") && (field === undefined || !isField(field)))
      return "key to be a text, or a reference such as ${input.path} to one of its arguments";
  }
  if (typeof fills !== "object" || fills === null) return "fills to be an object";
  for (const [argument, path] of Object.entries(fills)) {
    if (!isField(argument)) return `fills to name arguments of the tool, got ${argument}`;
    if (typeof path !== "string" || path.split(".").includes(""))
      return `fills.${argument} to be a path such as image.reference`;
  }
  return undefined;
}

/** Takes a declaration apart. */
export function prepareConsumption({ type, key, fills = {} }: ConsumedContext): Consumption {
  const path = REFERENCE.exec(key ?? "")?.[1]
    ?.split(".")
    .slice(1);
  return {
    type,
    fills: Object.entries(fills).map(([argument, at]) => ({ argument, path: at.split(".") })),
    keyOf(input) {
      if (path === undefined) return key;
      const named = readPath(input, path);
      return typeof named === "string" && named !== "" ? named : undefined;
    },
  };
}
