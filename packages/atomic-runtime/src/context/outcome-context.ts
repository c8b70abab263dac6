import type { ContextEntry } from "@container-kit/context-sharing";
import type { Execution } from "../execution.ts";
import { namesOf } from "../log-names.ts";
import type { NamedEntry, OutcomeContext } from "../types.ts";
import { FAILURE_TYPES } from "./declarations.ts";
import type { Shared } from "./share.ts";
import { within } from "./within.ts";

const MOST_KNOWN = 8;
/** Entries of the failure routing are not told; so many more are read for their sake. */
const READ_MORE = 4;
const LONGEST_WAIT_MS = 1_000;

type Known = NonNullable<OutcomeContext["known"]>;

/** What an outcome says of the session's entries: only what there is, and nothing where there is nothing. Never rejects. */
export async function describeContext(
  execution: Execution,
  { produced, problems }: Shared,
): Promise<OutcomeContext | undefined> {
  const { used } = execution;
  const known = await findKnown(execution, [...used, ...produced]);
  const context: OutcomeContext = {
    ...(used.length === 0 ? {} : { used: [...used] }),
    ...(produced.length === 0 ? {} : { produced }),
    ...(known.length === 0 ? {} : { known }),
    ...(problems.length === 0 ? {} : { problems }),
  };
  return Object.keys(context).length === 0 ? undefined : context;
}

/** A session that was opened for this call knows nothing else. */
async function findKnown(execution: Execution, told: readonly NamedEntry[]): Promise<Known> {
  const { services, facts, input } = execution;
  const { context } = services;
  if (context === undefined || input.sessionId === undefined) return [];
  try {
    const limit = MOST_KNOWN + READ_MORE + told.length;
    const { sessionId } = facts;
    const entries = await within(
      services,
      LONGEST_WAIT_MS,
      () => context.query({ sessionId, limit }),
      "what the session knows",
    );
    const isTold = ({ type, key }: ContextEntry): boolean =>
      type.startsWith(FAILURE_TYPES) || told.some((name) => name.type === type && name.key === key);
    return entries
      .filter((entry) => !isTold(entry))
      .slice(0, MOST_KNOWN)
      .map(({ type, key, producer }) => ({ type, key, tool: producer.tool }));
  } catch (error) {
    // An outcome is whole without it.
    services.logger.debug("what else the session knows could not be read", { ...namesOf(facts), error });
    return [];
  }
}
