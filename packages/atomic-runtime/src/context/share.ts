/**
 * Keeps what a tool leaves for later tools of its session.
 *
 * - S1  Only of a success whose end is recorded, and of no dry run: nobody builds on what may still be undone.
 * - S2  It is an addition to the result and never costs it: what cannot be kept is said in one sentence, and logged.
 *       So that it stays an addition, a call leaves at most {@link MOST_ENTRIES} entries.
 * - S3  The first of a list is shared last, so that it is the newest: it is what later tools take where they name none.
 * - S4  What could not be kept is remembered for as long as nothing newer of its type is: what is older must not be taken
 *       for it (fill.ts).
 */
import type { ContextEntry, NewContextEntry } from "@container-kit/context-sharing";
import { isKitError } from "@container-kit/errors";
import type { Execution } from "../execution.ts";
import { namesOf } from "../log-names.ts";
import { messageOf } from "../outcome.ts";
import type { NamedEntry, ProducedContext, ProducedEntry, ToolSuccess } from "../types.ts";
import { nameEntry } from "./used.ts";
import { within } from "./within.ts";

const LONGEST_WAIT_MS = 2_000;
const MOST_ENTRIES = 32;
const LONGEST_KEY = 2_048;
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
  let left = MOST_ENTRIES;
  for (const declared of prepared.declarations.produces) {
    try {
      const entries = readEntries(execution, declared, outcome, left);
      left -= entries.length;
      for (const entry of entries) {
        const kept = await shareOne(execution, { type: declared.type, entry, stopAt });
        if ("version" in kept) produced.push(kept);
        else problems.push(kept.problem);
      }
    } catch (error) {
      problems.push(tellProblem(execution, { type: declared.type, what: declared.type, error }));
    }
  }
  return { produced: produced.toReversed(), problems };
}

/** S3. @throws whatever the tool's own function throws; TypeError when it does not give what it should */
function readEntries(
  { input }: Execution,
  declared: ProducedContext,
  { result }: ToolSuccess,
  most: number,
): readonly ProducedEntry[] {
  const { type } = declared;
  const entries: unknown = declared.from(result, input.own);
  if (!Array.isArray(entries)) throw new TypeError(`expected a list of entries of ${type}`);
  if (entries.length > most)
    throw new TypeError(
      `expected at most ${MOST_ENTRIES} entries of one call, got ${entries.length} of ${type} beside others`,
    );
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
    // Masked before it is cut: a key that was refused because it looks like a secret is not told either.
    what = `${type} ${services.redactor.text(key.slice(0, LONGEST_KEY)).slice(0, LONGEST_KEY_IN_PROBLEM)}`;
    const { sessionId, tool, executionId } = facts;
    const shared: NewContextEntry = { sessionId, type, key, value, producer: { tool, executionId } };
    const all = labels === undefined ? shared : { ...shared, labels };
    const leftMs = Math.max(0, stopAt - services.clock());
    if (context === undefined) throw new TypeError("expected a context store");
    const share = async (): Promise<ContextEntry> => {
      const kept = await context.share(all);
      services.unkept.delete(sessionId, type);
      return kept;
    };
    return nameEntry(await within(services, leftMs, share, "the store's answer"));
  } catch (error) {
    return { problem: tellProblem(execution, { type, what, error }) };
  }
}

interface Problem {
  readonly type: string;
  readonly what: string;
  readonly error: unknown;
}

/** S4. A store that has not answered may have kept it all the same. */
function tellProblem({ services, facts }: Execution, { type, what, error }: Problem): string {
  services.unkept.add(facts.sessionId, type);
  const verb = isKitError(error, "TOOL_TIMEOUT") ? "may not be" : "could not be";
  const problem = `${what} ${verb} kept for later tools: ${messageOf(services, error)}`;
  services.logger.warn("what a tool left could not be kept", { ...namesOf(facts), what, error });
  return problem;
}
