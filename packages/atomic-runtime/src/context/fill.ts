/**
 * Fills arguments that a call leaves out with what earlier tools of its session left.
 *
 * - F1  Only of the session that the call names, only arguments that the tool declared, and never one that was given.
 * - F2  What an entry says must agree with what was given: the context of one build is not joined with the Dockerfile of
 *       another.
 * - F3  It happens before the one parse, so that what was filled in is checked like what was given.
 * - F4  Nothing known is said as that, with the tools that would leave it; a store that cannot be read is not.
 * - F5  A call that is valid as it was given is not made invalid by what was filled in: then nothing is. So a tool may take
 *       one of two arguments although an entry would fill the other.
 * - F6  What was masked when it was kept is no argument: it has to be given again. Nor is what a tool left before something
 *       newer that could not be kept: the image before the last one must not be pushed in its place.
 */
import type { ContextEntry, ContextStore } from "@container-kit/context-sharing";
import { MASK } from "@container-kit/observability";
import { isDeepStrictEqual } from "node:util";
import type { Services } from "../execution.ts";
import { namedSession, parseInput } from "../input.ts";
import type { ParsedInput } from "../input.ts";
import type { InputIssue } from "../issues.ts";
import type { PreparedTool } from "../schema.ts";
import type { Stop } from "../stop.ts";
import type { Consumption } from "./declarations.ts";
import { readPath } from "./declarations.ts";
import { nameEntry } from "./used.ts";
import type { UsedEntry } from "./used.ts";
import { within } from "./within.ts";

const LONGEST_WAIT_MS = 5_000;

type Input = Readonly<Record<string, unknown>>;

/** An input with what was filled in, and where that came from. */
export interface FilledInput {
  readonly input: unknown;
  readonly used: readonly UsedEntry[];
}

/** Whether an argument that may be filled is left out, in a session that is named (F1). */
export function mayFill({ context }: Services, { declarations }: PreparedTool, input: unknown): input is Input {
  if (context === undefined || declarations.fillable.size === 0 || namedSession(input) === undefined) return false;
  for (const argument of declarations.fillable.keys()) if (isLeftOut(input, argument)) return true;
  return false;
}

/** @throws TOOL_TIMEOUT STORE_*; the reason of a stop */
export async function fillInput(
  services: Services,
  { prepared, input, stop }: { readonly prepared: PreparedTool; readonly input: Input; readonly stop: Stop },
): Promise<FilledInput> {
  const { context } = services;
  if (context === undefined) return { input, used: [] };
  const filled: Record<string, unknown> = { ...input };
  const used: UsedEntry[] = [];
  const stopAt = services.clock() + LONGEST_WAIT_MS;
  // F6. Nor does an entry of another type stand for it.
  const lost = new Set(lostArguments(services, prepared, input));
  for (const consumption of prepared.declarations.consumes) {
    if (!consumption.fills.some(({ argument }) => isLeftOut(filled, argument) && !lost.has(argument))) continue;
    const entry = await orStop(services, { stop, stopAt }, () => findMeant(context, consumption, filled));
    if (entry === undefined || !agrees(consumption, entry, filled)) continue;
    for (const { argument, path } of consumption.fills) {
      const value = readWhole(entry, path);
      if (value === undefined || lost.has(argument) || !isLeftOut(filled, argument)) continue;
      filled[argument] = value;
      used.push({ ...nameEntry(entry), as: argument });
    }
  }
  return { input: filled, used };
}

/** F6. */
function lostArguments({ unkept }: Services, { declarations }: PreparedTool, input: Input): readonly string[] {
  const sessionId = namedSession(input) ?? "";
  const lost = declarations.consumes.filter(({ type }) => unkept.has(sessionId, type));
  return lost.flatMap(({ fills }) => fills.map(({ argument }) => argument));
}

/** F3, F5. @throws INVALID_INPUT with every issue, and where what was filled in came from */
export function parseFilled(
  services: Services,
  prepared: PreparedTool,
  { filled, given }: { readonly filled: FilledInput; readonly given: unknown },
): { readonly input: ParsedInput; readonly used: FilledInput["used"] } {
  try {
    return { input: parseInput(prepared, filled.input, explainIssue(services, prepared, filled)), used: filled.used };
  } catch (thrown) {
    if (filled.used.length > 0 && prepared.inputSchema.safeParse(given).success)
      return { input: parseInput(prepared, given), used: [] };
    throw thrown;
  }
}

/** What else is to be said about an argument that is missing, or was filled in and is refused (F4). */
function explainIssue(
  { context, registry, unkept }: Services,
  { declarations, definition }: PreparedTool,
  { input, used }: FilledInput,
): ((issue: InputIssue) => InputIssue) | undefined {
  if (context === undefined || declarations.fillable.size === 0) return undefined;
  return (issue) => {
    const { path, message } = issue;
    const taken = used.find(({ as }) => as !== undefined && path.split(/[.[]/)[0] === as);
    if (taken !== undefined)
      return { path, message: `${message} (taken from ${taken.type} ${taken.key} of ${taken.tool}; give it instead)` };
    const types = declarations.fillable.get(path);
    if (types === undefined || !isLeftOut(input, path)) return issue;
    const lost = types.find((type) => unkept.has(namedSession(input) ?? "", type));
    if (lost !== undefined) return { path, message: `is missing: give it, because the last ${lost} could not be kept` };
    const makers = [...new Set(types.flatMap((type) => registry.producersOf(type)))].filter(
      // What makes an image of an image is no way to the first one.
      (name) => name !== definition.name,
    );
    if (makers.length === 0) return { path, message: "is missing: give it" };
    const where = namedSession(input) === undefined ? "and name its sessionId" : "in this session";
    return { path, message: `is missing: give it, or run ${makers.join(" or ")} first ${where}` };
  };
}

/** Whether an input says nothing of an argument. */
export function isLeftOut(input: unknown, argument: string): boolean {
  return typeof input !== "object" || input === null || (input as Input)[argument] === undefined;
}

async function findMeant(
  context: ContextStore,
  consumption: Consumption,
  input: Input,
): Promise<ContextEntry | undefined> {
  const { type } = consumption;
  const sessionId = namedSession(input) ?? "";
  const key = consumption.keyOf(input);
  if (key !== undefined) return context.get({ sessionId, type, key });
  const [newest] = await context.query({ sessionId, type, limit: 1 });
  return newest;
}

/** F6. */
function readWhole({ value }: ContextEntry, path: readonly string[]): unknown {
  const said = readPath(value, path);
  return said !== undefined && JSON.stringify(said).includes(MASK) ? undefined : said;
}

/** F2. */
function agrees({ fills }: Consumption, entry: ContextEntry, input: Input): boolean {
  return fills.every(({ argument, path }) => {
    const said = readWhole(entry, path);
    return isLeftOut(input, argument) || said === undefined || isDeepStrictEqual(input[argument], said);
  });
}

/** No deadline holds yet while a call is let in; its caller may leave all the same. */
async function orStop<Value>(
  services: Services,
  { stop, stopAt }: { readonly stop: Stop; readonly stopAt: number },
  act: () => Promise<Value>,
): Promise<Value> {
  let onStop: (() => void) | undefined;
  const stopped = new Promise<never>((_resolve, reject) => {
    onStop = () => reject(stop.reason?.error);
    stop.onStop(onStop);
  });
  try {
    const leftMs = Math.max(0, stopAt - services.clock());
    return await Promise.race([within(services, leftMs, act, "what its session knows"), stopped]);
  } finally {
    if (onStop !== undefined) stop.offStop(onStop);
  }
}
