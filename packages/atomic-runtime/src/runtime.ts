import { setTimeout as sleep } from "node:timers/promises";
import {
  createRedactor,
  newTraceId,
  parseTraceparent,
  silentLogger,
  silentTelemetry,
} from "@container-kit/observability";
import type { Logger, Redactor, Telemetry } from "@container-kit/observability";
import type { Job, SessionStore } from "@container-kit/session";
import { Circuits } from "./circuits.ts";
import { fail } from "./errors.ts";
import type { CallFacts, Execution, Services } from "./execution.ts";
import { namedSession, parseInput } from "./input.ts";
import type { ParsedInput } from "./input.ts";
import { Alarms } from "./internal/alarms.ts";
import { JobKeeper } from "./job-keeper.ts";
import { runThroughLayers } from "./middleware/order.ts";
import { silent } from "./middleware/progress.ts";
import type { Policy } from "./policy/types.ts";
import { recover } from "./recovery.ts";
import { refuse, refuseInput } from "./refused-input.ts";
import { createRegistry, DEFAULT_TOOLSETS } from "./registry.ts";
import { renderOutcome } from "./render.ts";
import type { PreparedTool } from "./schema.ts";
import { createStop } from "./stop.ts";
import type { Stop } from "./stop.ts";
import { Turns } from "./turns.ts";
import type { Ticket } from "./turns.ts";
import type { Plugin, Recovery, Runtime, RuntimeStatus, ToolCall, ToolOutcome, ToolProgress } from "./types.ts";

const DEFAULT_MAX_CONCURRENT = 64;
const DEFAULT_MAX_WAITING = 64;
const DEFAULT_JOB_AFTER_MS = 30_000;
/** The grace of a stopped tool and a moment for its record. */
const LONGEST_CLOSE_MS = 7_000;

/** What a runtime is made of. */
export interface RuntimeOptions {
  readonly plugins: readonly Plugin[];
  readonly sessions: SessionStore;
  /** Default: says nothing. */
  readonly logger?: Logger;
  /** Default: one that masks what looks like a credential. Hand in the program's own, which has learned its secrets. */
  readonly redactor?: Redactor;
  /** Default: keeps nothing. */
  readonly telemetry?: Telemetry;
  /** Default: allows all. */
  readonly policy?: Policy;
  /** Milliseconds that only grow. Default `performance.now`. */
  readonly clock?: () => number;
  /** Default build, image, security, workflow, session, server. */
  readonly toolsets?: readonly string[];
  /** Serves only tools that change nothing. Default false. */
  readonly readOnly?: boolean;
  /** How many calls may run at once; the next wait their turn. Default 64. */
  readonly maxConcurrent?: number;
  /** How many calls may wait; the next is refused with OVERLOADED. Default 64. */
  readonly maxWaiting?: number;
  /** How long a call may last before it is answered with a job. Default 30,000. */
  readonly jobAfterMs?: number;
}

/**
 * Makes the registry of tools and the only way to run one. Schemas are made here, once.
 *
 * @throws PLUGIN_INVALID INVALID_INPUT (a toolset that nobody has)
 */
export function createRuntime(options: RuntimeOptions): Runtime {
  const { plugins, sessions, toolsets = DEFAULT_TOOLSETS, readOnly = false } = options;
  const { maxConcurrent = DEFAULT_MAX_CONCURRENT, maxWaiting = DEFAULT_MAX_WAITING } = options;
  const { logger = silentLogger, telemetry = silentTelemetry, clock = () => performance.now() } = options;
  return new ToolRuntime({
    sessions,
    logger,
    redactor: options.redactor ?? createRedactor(),
    telemetry,
    policy: options.policy,
    clock,
    alarms: new Alarms(clock),
    registry: createRegistry(plugins, { toolsets, readOnly }),
    turns: new Turns({ maxConcurrent, maxWaiting }, clock),
    circuits: new Circuits(clock),
    jobs: new JobKeeper(sessions, logger, clock),
    jobAfterMs: options.jobAfterMs ?? DEFAULT_JOB_AFTER_MS,
    recovering: { last: Promise.resolve() },
    keyHolders: new Map(),
    inputs: new WeakMap(),
  });
}

/** Runs a tool and hands each step forward to `onProgress`. Never throws: a failure is an outcome. */
export function executeWithProgress(
  runtime: Runtime,
  call: Omit<ToolCall, "onProgress">,
  onProgress: (progress: ToolProgress) => void,
): Promise<ToolOutcome> {
  return runtime.execute({ ...call, onProgress });
}

/** Runs a tool in silence. Never throws: a failure is an outcome. */
export function executeWithoutProgress(runtime: Runtime, call: ToolCall): Promise<ToolOutcome> {
  const { onProgress: _unused, ...unheard } = call;
  return runtime.execute(unheard);
}

/** What an admitted call needs before it is an execution. */
interface Admission {
  readonly call: ToolCall;
  readonly facts: CallFacts;
  readonly prepared: PreparedTool;
  readonly stop: Stop;
  readonly ticket: Ticket;
  readonly answer: (outcome: ToolOutcome) => void;
}

class ToolRuntime implements Runtime {
  readonly #services: Services;
  readonly #running = new Map<CallFacts, { readonly stop: Stop; work: Promise<void> }>();
  /** Work whose caller has been answered with a job. */
  readonly #detached = new Set<Promise<void>>();
  #closing: Promise<void> | undefined;

  constructor(services: Services) {
    this.#services = services;
  }

  list(): ReturnType<Runtime["list"]> {
    return this.#services.registry.listings;
  }

  render(outcome: ToolOutcome): string {
    return renderOutcome(this.#services, outcome);
  }

  async execute(call: ToolCall): Promise<ToolOutcome> {
    const { clock, registry, turns } = this.#services;
    const facts: CallFacts = {
      tool: typeof call.tool === "string" ? call.tool : "",
      correlationId: call.correlationId ?? parseTraceparent(call.traceparent)?.traceId ?? newTraceId(),
      startedAt: clock(),
      sessionId: "",
      executionId: "",
      jobId: null,
    };
    try {
      if (this.#closing !== undefined) throw fail("INTERRUPTED", "the server is stopping and takes no more calls");
      const prepared = registry.get(facts.tool);
      const group = namedSession(call.input) ?? "";
      const nested = call.parent !== undefined && this.#runs(call.parent);
      const ticket = turns.take({ definition: prepared.definition, group, nested });
      return await this.#answered({ call, facts, prepared, ticket });
    } catch (thrown) {
      return refuse(this.#services, facts, thrown);
    }
  }

  recover(): Promise<Recovery> {
    return recover(this.#services);
  }

  async cancelJob(jobId: string): Promise<Job> {
    // Its own process need not wait for the store to tell it.
    this.#services.jobs.cancel(jobId);
    return this.#services.sessions.requestCancel(jobId);
  }

  async jobsDone(): Promise<void> {
    while (this.#detached.size > 0) await Promise.all(this.#detached);
  }

  status(): RuntimeStatus {
    const { turns, circuits } = this.#services;
    const { running, waiting, refused } = turns;
    return { running, waiting, jobs: this.#detached.size, refused, openCircuits: circuits.open() };
  }

  close(): Promise<void> {
    this.#closing ??= this.#stopAll();
    return this.#closing;
  }

  #runs(executionId: string): boolean {
    for (const facts of this.#running.keys()) if (facts.executionId === executionId) return true;
    return false;
  }

  /** The first answer: the outcome, or the job that the call has become. Its caller can cancel it until then. */
  #answered(entry: Omit<Admission, "stop" | "answer">): Promise<ToolOutcome> {
    const { call, facts, ticket } = entry;
    const stop = createStop();
    const cancel = () => stop.now("CANCELLED", `${facts.tool} was cancelled by its caller`);
    if (call.signal?.aborted === true) cancel();
    call.signal?.addEventListener("abort", cancel, { once: true });
    return new Promise((resolve) => {
      let ended = false;
      const answer = (outcome: ToolOutcome) => {
        call.signal?.removeEventListener("abort", cancel);
        if (!ended) this.#detached.add(work);
        resolve(outcome);
      };
      const run = async (): Promise<void> => {
        const outcome = await this.#admit({ ...entry, stop, answer });
        ended = true;
        ticket.leave();
        this.#running.delete(facts);
        this.#detached.delete(work);
        answer(outcome);
      };
      const work = run();
      this.#running.set(facts, { stop, work });
    });
  }

  /** Never rejects. */
  async #admit(admission: Admission): Promise<ToolOutcome> {
    const { call, facts, prepared } = admission;
    const { sessions } = this.#services;
    let input: ParsedInput;
    try {
      input = parseInput(prepared, call.input);
    } catch (thrown) {
      return refuseInput(this.#services, { call, facts, prepared }, thrown);
    }
    try {
      const { sessionId } = input;
      const session = sessionId === undefined ? await sessions.openSession() : await sessions.touchSession(sessionId);
      facts.sessionId = session.id;
    } catch (thrown) {
      return refuse(this.#services, facts, thrown);
    }
    return runThroughLayers(begin(this.#services, admission, input));
  }

  async #stopAll(): Promise<void> {
    const running = [...this.#running.values()];
    for (const { stop } of running) stop.now("INTERRUPTED", "the server is stopping");
    const timeout = new AbortController();
    await Promise.race([
      Promise.all(running.map(({ work }) => work)),
      sleep(LONGEST_CLOSE_MS, undefined, { signal: timeout.signal }),
    ]).finally(() => timeout.abort());
  }
}

function begin(
  services: Services,
  { facts, prepared, call, stop, ticket, answer }: Admission,
  input: ParsedInput,
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
