/**
 * Keeps what a tool leaves for later tools of its session.
 *
 * - S1  Only of a success whose end is recorded, and of no dry run: nobody builds on what may still be undone.
 * - S2  It is an addition to the result and never costs it: what cannot be kept is said in one sentence, and logged.
 * - S3  The first of a list is shared last, so that it is the newest: it is what later tools take where they name none.
 */
import type { NewContextEntry } from "@container-kit/context-sharing";
import type { Execution } from "../execution.ts";
import { namesOf } from "../log-names.ts";
import { messageOf } from "../outcome.ts";
import type { NamedEntry, ProducedContext, ProducedEntry, ToolSuccess } from "../types.ts";
import { nameEntry } from "./used.ts";
import { within } from "./within.ts";

const LONGEST_WAIT_MS = 2_000;
const MOST_ENTRIES = 32;
const LONGEST_KEY_IN_PROBLEM = 100;

/** What was kept, and what could not be. */
export interface Shared {
  readonly produced: readonly NamedEntry[];
  readonly problems: readonly string[];
}

/** S2. Never rejects. */
export async function shareProduced(execution: Execution, outcome: ToolSuccess): Promise<Shared> {
  const { services, prepared } = execution;
  const produced: NamedEntry[] = [];
  const problems: string[] = [];
  const stopAt = services.clock() + LONGEST_WAIT_MS;
  for (const declared of prepared.declarations.produces) {
    try {
      for (const entry of readEntries(execution, declared, outcome)) {
        const kept = await shareOne(execution, { type: declared.type, entry, stopAt });
        if ("version" in kept) produced.push(kept);
        else problems.push(kept.problem);
      }
    } catch (error) {
      problems.push(tellProblem(execution, declared.type, error));
    }
  }
  return { produced: produced.toReversed(), problems };
}

/** S3. @throws whatever the tool's own function throws; TypeError when it does not give what it should */
function readEntries(
  { input }: Execution,
  declared: ProducedContext,
  { result }: ToolSuccess,
): readonly ProducedEntry[] {
  const { type } = declared;
  const entries: unknown = declared.from(result, input.own);
  if (!Array.isArray(entries)) throw new TypeError(`expected a list of entries of ${type}`);
  if (entries.length > MOST_ENTRIES)
    throw new TypeError(`expected at most ${MOST_ENTRIES} entries of ${type}, got ${entries.length}`);
  return (entries as readonly ProducedEntry[]).toReversed();
}

interface Sharing {
  readonly type: string;
  readonly entry: ProducedEntry;
  readonly stopAt: number;
}

async function shareOne(
  execution: Execution,
  { type, entry, stopAt }: Sharing,
): Promise<NamedEntry | { readonly problem: string }> {
  const { services, facts } = execution;
  const { context } = services;
  let what = type;
  try {
    const { key, value, labels } = entry;
    what = `${type} ${key.slice(0, LONGEST_KEY_IN_PROBLEM)}`;
    const { sessionId, tool, executionId } = facts;
    const shared: NewContextEntry = { sessionId, type, key, value, producer: { tool, executionId } };
    const all = labels === undefined ? shared : { ...shared, labels };
    const leftMs = Math.max(0, stopAt - services.clock());
    if (context === undefined) throw new TypeError("expected a context store");
    return nameEntry(await within(services, leftMs, () => context.share(all), "the store's answer"));
  } catch (error) {
    return { problem: tellProblem(execution, what, error) };
  }
}

function tellProblem({ services, facts }: Execution, what: string, error: unknown): string {
  const problem = `${what} could not be kept for later tools: ${messageOf(services, error)}`;
  services.logger.warn("what a tool left could not be kept", { ...namesOf(facts), what, error });
  return problem;
}
