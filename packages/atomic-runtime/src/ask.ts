/**
 * One tool asks another, as a child of its own execution.
 *
 * - A1  The child is a call like any other: judged, recorded, bounded, with its own turn and circuit. It bears the asker's
 *       correlation id and session, and names the asker as its parent.
 * - A2  It ends with its asker at the latest: by the asker's deadline, when the asker is stopped, and when the asker's tool
 *       returns without having waited for it. Whose tool has returned asks nothing any more. It never goes on as a job.
 * - A3  In a dry run the child changes nothing either.
 * - A4  What a child has done stays when its asker fails later: it was recorded as done. Its own undo is for its own failure.
 */
import { setMaxListeners } from "node:events";
import type { RequestOptions } from "@container-kit/context-sharing";
import { fail } from "./errors.ts";
import type { Execution } from "./execution.ts";
import { failure } from "./outcome.ts";
import type { ToolOutcome } from "./types.ts";

const DEADLINE_MS = 60_000;

/** What is asked. */
export interface Asked {
  readonly tool: string;
  readonly input: Readonly<Record<string, unknown>>;
  readonly options: RequestOptions | undefined;
}

/** @throws the reason of a stop of the asker, CANCELLED when its tool has returned; everything else is an outcome */
export async function ask(execution: Execution, asked: Asked): Promise<ToolOutcome> {
  const { facts, services, stop, deadlineAt } = execution;
  const { tool, options = {} } = asked;
  stop.throwIfStopped();
  if (execution.asking === "over") throw ended(facts);
  const startedAt = services.clock();
  const { sessionId, correlationId, executionId: parent } = facts;
  const deadlineMs = Math.max(1, Math.min(options.deadlineMs ?? DEADLINE_MS, deadlineAt - startedAt));
  const own = signalOf(execution);
  const signal = options.signal === undefined ? own : AbortSignal.any([own, options.signal]);
  const request = { tool, input: inputOf(execution, asked), sessionId, correlationId, parent };
  try {
    const outcome = await services.requests.request(request, { ...options, deadlineMs, signal });
    stop.throwIfStopped();
    return outcome;
  } catch (thrown) {
    stop.throwIfStopped();
    // No attempt has replied: what is told is of a call that has no execution anybody could wait for.
    const nobody = { tool, correlationId, startedAt, sessionId, executionId: "", jobId: null };
    return failure(
      { ...nobody, askers: [...facts.askers, facts.tool], asked: true, traceparent: undefined },
      services,
      thrown,
    );
  }
}

/** A2. Stops what a tool that has ended still asks of others. */
export function cancelAsked(execution: Execution): void {
  const { asking, facts, stop } = execution;
  execution.asking = "over";
  if (typeof asking === "object" && stop.reason === undefined) asking.abort(ended(facts));
}

function ended({ tool }: Execution["facts"]): Error {
  return fail("CANCELLED", `${tool} ended without waiting for what it asked of others`);
}

/** A2. */
function signalOf(execution: Execution): AbortSignal {
  const { stop } = execution;
  if (typeof execution.asking === "object") return execution.asking.signal;
  const asking = new AbortController();
  // A tool may ask many at once, and each request listens until it is over: that is no leak to warn of.
  setMaxListeners(0, asking.signal);
  execution.asking = asking;
  stop.onStop(() => asking.abort(stop.reason?.error));
  return asking.signal;
}

/** A2, A3. What the tool does not take is not given, and what is said of waiting does not hold here. */
function inputOf(execution: Execution, { tool, input }: Asked): Readonly<Record<string, unknown>> {
  const { services, facts } = execution;
  const { wait: _noJob, ...own } = input;
  const tries = execution.input.dryRun && services.registry.find(tool)?.inputFields.includes("dryRun") === true;
  return { ...own, sessionId: facts.sessionId, ...(tries ? { dryRun: true } : {}) };
}
