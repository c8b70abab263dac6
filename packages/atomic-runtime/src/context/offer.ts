/**
 * The entries that a running tool can look at.
 *
 * - O1  Only of its own session, and only of the types that it declared.
 * - O2  They are read before the tool runs, so that looking at one needs no waiting: of each type the newest
 *       {@link MOST_OF_A_TYPE}, and the one whose key it declared.
 * - O3  To look at one is to take it, and is told.
 * - O4  A store that cannot be read costs the tool only what it looks for: then it is thrown.
 */
import type { ContextEntry, ContextStore } from "@container-kit/context-sharing";
import type { Execution } from "../execution.ts";
import type { Consumption } from "./declarations.ts";
import { isSameEntry, nameEntry } from "./used.ts";
import { within } from "./within.ts";

const MOST_OF_A_TYPE = 8;
const LONGEST_WAIT_MS = 5_000;

/** What could be read for a tool. */
export interface Offered {
  readonly entries: readonly ContextEntry[];
  /** Why nothing could be (O4). */
  readonly problem?: unknown;
}

const NOTHING: Offered = { entries: [] };

/** Whether there is anything to read: a session that was opened for this call knows nothing yet. */
export function hasOffers({ services, prepared, input }: Execution): boolean {
  return prepared.declarations.consumes.length > 0 && services.context !== undefined && input.sessionId !== undefined;
}

/** O2. Never rejects. */
export async function readOffers(execution: Execution): Promise<Offered> {
  const { services, prepared, facts, input } = execution;
  const { context } = services;
  if (context === undefined) return NOTHING;
  const { consumes } = prepared.declarations;
  try {
    const { sessionId } = facts;
    const lists = await within(
      services,
      LONGEST_WAIT_MS,
      () => Promise.all(consumes.map((consumption) => readOne(context, { consumption, sessionId, input: input.own }))),
      "what the session knows",
    );
    return { entries: lists.flat() };
  } catch (problem) {
    return { entries: [], problem };
  }
}

/** O1, O3. @throws TypeError for a type that is not declared; O4 */
export function takeEntry(execution: Execution, type: string, key?: string): ContextEntry | undefined {
  const { prepared, facts, input, offered = NOTHING, used } = execution;
  const declared = prepared.declarations.consumes.find((consumption) => consumption.type === type);
  if (declared === undefined) throw new TypeError(`expected ${facts.tool} to declare ${type} in consumes`);
  if (offered.problem !== undefined) throw offered.problem as Error;
  const wanted = key ?? declared.keyOf(input.own);
  const found = offered.entries.find((entry) => entry.type === type && (wanted === undefined || entry.key === wanted));
  if (found !== undefined && !used.some((name) => isSameEntry(name, found))) used.push(nameEntry(found));
  return found;
}

interface Wanted {
  readonly consumption: Consumption;
  readonly sessionId: string;
  readonly input: Readonly<Record<string, unknown>>;
}

async function readOne(
  context: ContextStore,
  { consumption, sessionId, input }: Wanted,
): Promise<readonly ContextEntry[]> {
  const { type } = consumption;
  const key = consumption.keyOf(input);
  const newest = await context.query({ sessionId, type, limit: MOST_OF_A_TYPE });
  if (key === undefined || newest.some((entry) => entry.key === key)) return newest;
  const named = await context.get({ sessionId, type, key });
  return named === undefined ? newest : [...newest, named];
}
