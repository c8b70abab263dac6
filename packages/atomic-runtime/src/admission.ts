/**
 * The way in: from what a client sent to an execution in its session.
 */
import type { Session } from "@container-kit/session";
import { fillInput, mayFill, parseFilled } from "./context/fill.ts";
import type { FilledInput } from "./context/fill.ts";
import type { CallFacts, Execution, Services } from "./execution.ts";
import { namedSession } from "./input.ts";
import type { ParsedInput } from "./input.ts";
import { runThroughLayers } from "./middleware/order.ts";
import { silent } from "./middleware/progress.ts";
import { refuse, refuseInput } from "./refused-input.ts";
import type { PreparedTool } from "./schema.ts";
import type { Stop } from "./stop.ts";
import type { Ticket } from "./turns.ts";
import type { ToolCall, ToolOutcome } from "./types.ts";

/** What an admitted call needs before it is an execution. */
export interface Admission {
  readonly call: ToolCall;
  readonly facts: CallFacts;
  readonly prepared: PreparedTool;
  readonly stop: Stop;
  readonly ticket: Ticket;
  readonly answer: (outcome: ToolOutcome) => void;
}

/** The input of a call that is let in, and its session. */
interface Entered {
  readonly input: ParsedInput;
  readonly used: FilledInput["used"];
  readonly session: Session;
}

/** Lets a call in, whose outcome is its answer. Never rejects. */
export async function admit(services: Services, admission: Admission): Promise<ToolOutcome> {
  const { call, facts, prepared } = admission;
  const { sessions } = services;
  let filled: FilledInput = { input: call.input, used: [] };
  let session: Session | undefined;
  let input: ParsedInput;
  let used: FilledInput["used"];
  try {
    // Before anything is looked for in it, so that a session that is unknown or over is said as that.
    if (mayFill(services, prepared, call.input)) {
      session = await sessions.touchSession(namedSession(call.input) ?? "");
      facts.sessionId = session.id;
      filled = await fillInput(services, { prepared, input: call.input, stop: admission.stop });
    }
  } catch (thrown) {
    return refuse(services, facts, thrown);
  }
  try {
    ({ input, used } = parseFilled(services, prepared, { filled, given: call.input }));
  } catch (thrown) {
    return refuseInput(services, { call, facts, prepared }, thrown);
  }
  try {
    const { sessionId } = input;
    session ??= await (sessionId === undefined ? sessions.openSession() : sessions.touchSession(sessionId));
    facts.sessionId = session.id;
  } catch (thrown) {
    return refuse(services, facts, thrown);
  }
  return runThroughLayers(begin(services, admission, { input, used, session }));
}

function begin(
  services: Services,
  { facts, prepared, call, stop, ticket, answer }: Admission,
  { input, used, session }: Entered,
): Execution {
  return {
    facts,
    services,
    prepared,
    input,
    call,
    stop,
    ticket,
    answer,
    labels: session.labels,
    used: [...used],
    offered: undefined,
    asking: undefined,
    end: undefined,
    report: silent,
    reporter: undefined,
    lease: undefined,
    detached: false,
    adopting: undefined,
    attempt: 1,
    deadlineAt: Infinity,
    notes: [],
    noting: undefined,
    thrown: undefined,
    abandoned: undefined,
  };
}
