import type { ContextEntry, RequestOptions } from "@container-kit/context-sharing";
import type { Logger } from "@container-kit/observability";
import { ask } from "./ask.ts";
import { takeEntry } from "./context/offer.ts";
import { fail } from "./errors.ts";
import type { Execution } from "./execution.ts";
import { readPlain } from "./internal/plain.ts";
import type { PolicyFacts, ToolContext, ToolOutcome, ToolProgress } from "./types.ts";

const LARGEST_NOTE = 64 * 1024;

/** What a running tool is handed. */
export function contextOf(execution: Execution): ToolContext {
  return new Context(execution);
}

/** All entries that a tool can look at, without taking them; none for a context that is not the runtime's. @throws STORE_* */
export function offeredTo(context: ToolContext): readonly ContextEntry[] {
  return context instanceof Context ? context.offered : [];
}

/**
 * What most tools never ask for is made when it is asked for. Getters of a class, because those of an object that is
 * written out are made anew for each call, which costs more than all else here. Its functions may be taken out of it.
 */
class Context implements ToolContext {
  readonly sessionId: string;
  readonly executionId: string;
  readonly correlationId: string;
  readonly dryRun: boolean;
  readonly attempt: number;
  readonly #execution: Execution;
  #logger: Logger | undefined;

  constructor(execution: Execution) {
    const { facts, input, attempt } = execution;
    this.sessionId = facts.sessionId;
    this.executionId = facts.executionId;
    this.correlationId = facts.correlationId;
    this.dryRun = input.dryRun;
    this.attempt = attempt;
    this.#execution = execution;
  }

  get jobId(): string | null {
    return this.#execution.facts.jobId;
  }

  get signal(): AbortSignal {
    return this.#execution.stop.signal;
  }

  get logger(): Logger {
    const { sessionId, executionId, correlationId } = this;
    const { services, facts } = this.#execution;
    return (this.#logger ??= services.logger.child({ tool: facts.tool, sessionId, executionId, correlationId }));
  }

  readonly report = (progress: ToolProgress): void => this.#execution.report(progress);

  readonly jobFolder = async (): Promise<string> => {
    const { services, facts } = this.#execution;
    if (facts.jobId === null) throw new TypeError(`expected a durable tool to ask for a job folder, got ${facts.tool}`);
    return services.sessions.jobFolder(facts.jobId);
  };

  readonly willMake = (note: unknown): Promise<void> => willMake(this.#execution, note);

  readonly allow = (act: PolicyFacts): void => {
    const { services, facts } = this.#execution;
    services.policy?.check(facts.tool, act);
  };

  readonly entry = (type: string, key?: string): ContextEntry | undefined => takeEntry(this.#execution, type, key);

  readonly request = (
    tool: string,
    input: Readonly<Record<string, unknown>>,
    options?: RequestOptions,
  ): Promise<ToolOutcome> => ask(this.#execution, { tool, input, options });

  /** What {@link entry} can give. @throws why the entries could not be read */
  get offered(): readonly ContextEntry[] {
    const { entries = [], problem } = this.#execution.offered ?? {};
    if (problem !== undefined) throw problem as Error;
    return entries;
  }
}

/** After this the note outlives the process. What was stopped announces nothing any more, and so makes nothing. */
async function willMake(execution: Execution, note: unknown): Promise<void> {
  const { facts, prepared, input, stop } = execution;
  if (prepared.definition.undo === undefined) throw new TypeError(`expected ${facts.tool} to have an undo`);
  const { value: kept, problem } = readPlain(note, LARGEST_NOTE);
  if (problem !== undefined) throw new TypeError(`expected a note of plain JSON: ${problem.path} ${problem.message}`);
  stop.throwIfStopped();
  if (input.dryRun) throw fail("INTERNAL", `${facts.tool} was about to make something in a dry run`);
  const noted = keepNote(execution, kept);
  execution.noting = Promise.allSettled([execution.noting, noted]);
  await noted;
  stop.throwIfStopped();
}

async function keepNote(execution: Execution, note: unknown): Promise<void> {
  const { facts, services } = execution;
  await services.sessions.noteUndo(facts.executionId, note);
  execution.notes = [note, ...execution.notes];
}
