/** What the tools of a session left for each other, as it is told of a session. */
import { extractTools } from "@container-kit/context-sharing";
import type { BusEvent, ContextEntry, ExtractedTool } from "@container-kit/context-sharing";
import type { ToolExecution } from "@container-kit/session";
import type { ToolServices } from "../../services.ts";
import { toTime } from "../../time.ts";

/** An entry with where it is from; its value is for tools. */
export interface KnownEntry {
  readonly type: string;
  readonly key: string;
  readonly version: number;
  readonly tool: string;
  readonly executionId: string;
  readonly expiresAt: string;
}

const MOST_KNOWN = 50;
/** Events come oldest first; those of the newest executions are at the end. */
const EVENTS_AT_ONCE = 1000;
const MOST_READS = 20;

/** What the router remembers is for itself. */
const INTERNAL = /^failure_/;

/** The newest entries of a session. */
export async function readKnown({ context }: Pick<ToolServices, "context">, sessionId: string): Promise<KnownEntry[]> {
  const entries = (await context?.query({ sessionId, limit: 2 * MOST_KNOWN })) ?? [];
  return entries
    .filter(({ type }) => !INTERNAL.test(type))
    .slice(0, MOST_KNOWN)
    .map(nameEntry);
}

function nameEntry({ type, key, version, producer, expiresAt }: ContextEntry): KnownEntry {
  return { type, key, version, tool: producer.tool, executionId: producer.executionId, expiresAt: toTime(expiresAt) };
}

/** In one line. */
export function describeKnown({ type, key, version, tool }: KnownEntry): string {
  return `known: ${type} ${key} (version ${version}, by ${tool})`;
}

/** The tools that ran, by execution: what each left, and whose entries it took. */
export async function readTools(
  { events, listTools }: Pick<ToolServices, "events" | "listTools">,
  sessionId: string,
  executions: readonly ToolExecution[],
): Promise<ReadonlyMap<string, ExtractedTool>> {
  const told = events === undefined ? [] : await readEvents(events, sessionId);
  const tools = extractTools({ tools: listTools?.() ?? [], executions, events: told });
  return new Map(tools.map((one) => [one.executionId, one]));
}

async function readEvents(
  events: NonNullable<ToolServices["events"]>,
  sessionId: string,
): Promise<readonly BusEvent[]> {
  let told: readonly BusEvent[] = [];
  let after: string | undefined;
  for (let reads = 0; reads < MOST_READS; reads += 1) {
    const page = await events.read({
      sessionId,
      pattern: "tool.completed",
      limit: EVENTS_AT_ONCE,
      ...(after === undefined ? {} : { after }),
    });
    told = [...told, ...page.events].slice(-EVENTS_AT_ONCE);
    if (page.events.length < EVENTS_AT_ONCE) break;
    after = page.cursor;
  }
  return told;
}
