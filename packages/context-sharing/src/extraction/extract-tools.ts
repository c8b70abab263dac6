/**
 * Which tools ran in a session, with what and with which outcome: what the registry says of each, what the record says of
 * each execution, and what its events say of entries.
 *
 * - X1  Oldest first, whatever the order of what is given; of two that began at once, the order given.
 * - X2  An execution of a tool that is not loaded any more is there all the same.
 * - X3  Events come from a store that others write to: what is not of the form that is expected is passed over.
 */
import { z } from "zod";
import type { BusEvent } from "../events/types.ts";
import type { ExtractedTool, KnownExecution, KnownTool } from "./types.ts";

/** What tools are extracted from. */
export interface ExtractionSources {
  /** Those that are loaded here. Default: none is known. */
  readonly tools?: readonly KnownTool[];
  /** Of one session, the oldest or the newest first. */
  readonly executions: readonly KnownExecution[];
  /** Those of the session; others are passed over. */
  readonly events?: readonly Pick<BusEvent, "type" | "executionId" | "data">[];
}

const entry = z.object({
  type: z.string(),
  key: z.string(),
  version: z.int(),
  executionId: z.string(),
  as: z.string().optional(),
});
const told = z.object({ used: z.array(entry).optional(), produced: z.array(entry).optional() });

/** The tools that ran, for agents that want to know what is done and for workflows that want to repeat it. */
export function extractTools({ tools = [], executions, events = [] }: ExtractionSources): readonly ExtractedTool[] {
  const byName = new Map(tools.map((tool) => [tool.name, tool]));
  const exchanged = readExchanges(events);
  return inOrder(executions).map((execution) => {
    const { id, tool, parent, dryRun, input, status, result, error, startedAt, durationMs } = execution;
    const known = byName.get(tool);
    const { used = [], produced = [] } = exchanged.get(id) ?? {};
    return {
      tool,
      title: known?.title ?? null,
      toolset: known?.toolset ?? null,
      executionId: id,
      parent,
      dryRun,
      input,
      status,
      result,
      code: error?.code ?? null,
      message: error?.message ?? null,
      startedAt,
      durationMs,
      produced: produced.map(({ type, key, version }) => ({ type, key, version })),
      used: used.map(({ type, key, version, executionId, as = null }) => ({ type, key, version, executionId, as })),
      after: [...new Set(used.map(({ executionId }) => executionId))],
    };
  });
}

/** (X1) */
function inOrder(executions: readonly KnownExecution[]): readonly KnownExecution[] {
  const [first, last] = [executions[0], executions.at(-1)];
  const isNewestFirst = first !== undefined && last !== undefined && first.startedAt > last.startedAt;
  const given = isNewestFirst ? executions.toReversed() : [...executions];
  return given.sort((one, other) => one.startedAt - other.startedAt);
}

/** (X3) */
function readExchanges(events: NonNullable<ExtractionSources["events"]>): ReadonlyMap<string, z.output<typeof told>> {
  const found = new Map<string, z.output<typeof told>>();
  for (const { type, executionId, data } of events) {
    if (type !== "tool.completed" || executionId === undefined) continue;
    const parsed = told.safeParse(data);
    if (parsed.success) found.set(executionId, parsed.data);
  }
  return found;
}
