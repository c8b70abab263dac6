/**
 * Fills arguments that a call leaves out with what earlier tools of its session left.
 *
 * - F1  Only of the session that the call names, only arguments that the tool declared, and never one that was given.
 * - F2  What an entry says must agree with what was given: the context of one build is not joined with the Dockerfile of
 *       another.
 * - F3  It happens before the one parse, so that what was filled in is checked like what was given.
 * - F4  Nothing known is said as that, with the tools that would leave it; a store that cannot be read is not.
 */
import type { ContextEntry, ContextStore } from "@container-kit/context-sharing";
import { isDeepStrictEqual } from "node:util";
import type { Services } from "../execution.ts";
import { namedSession } from "../input.ts";
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
  for (const consumption of prepared.declarations.consumes) {
    if (!consumption.fills.some(({ argument }) => isLeftOut(filled, argument))) continue;
    const entry = await orStop(services, stop, () => findMeant(context, consumption, filled));
    if (entry === undefined || !agrees(consumption, entry, filled)) continue;
    for (const { argument, path } of consumption.fills) {
      const value = readPath(entry.value, path);
      if (value === undefined || !isLeftOut(filled, argument)) continue;
      filled[argument] = value;
      used.push({ ...nameEntry(entry), as: argument });
    }
  }
  return { input: filled, used };
}

/** What else is to be said about an argument that is missing, or was filled in and is refused (F4). */
export function explainIssue(
  { context, registry }: Services,
  { declarations }: PreparedTool,
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
    const makers = [...new Set(types.flatMap((type) => registry.producersOf(type)))];
    if (makers.length === 0) return { path, message: "is missing: give it" };
    const where = namedSession(input) === undefined ? "and name its sessionId" : "in this session";
    return { path, message: `is missing: give it, or run ${makers.join(" or ")} first ${where}` };
  };
}

function isLeftOut(input: unknown, argument: string): boolean {
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

/** F2. */
function agrees({ fills }: Consumption, { value }: ContextEntry, input: Input): boolean {
  return fills.every(({ argument, path }) => {
    const said = readPath(value, path);
    return isLeftOut(input, argument) || said === undefined || isDeepStrictEqual(input[argument], said);
  });
}

/** No deadline holds yet while a call is let in; its caller may leave all the same. */
async function orStop<Value>(services: Services, stop: Stop, act: () => Promise<Value>): Promise<Value> {
  let onStop: (() => void) | undefined;
  const stopped = new Promise<never>((_resolve, reject) => {
    onStop = () => reject(stop.reason?.error);
    stop.onStop(onStop);
  });
  try {
    return await Promise.race([within(services, LONGEST_WAIT_MS, act, "what its session knows"), stopped]);
  } finally {
    if (onStop !== undefined) stop.offStop(onStop);
  }
}
