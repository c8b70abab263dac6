import { setTimeout as sleep } from "node:timers/promises";
import { createRequests } from "@container-kit/context-sharing";
import type { ContextStore, EventBus, FailureRouting } from "@container-kit/context-sharing";
import {
  createRedactor,
  newTraceId,
  parseTraceparent,
  silentLogger,
  silentTelemetry,
} from "@container-kit/observability";
import type { Logger, Redactor, Telemetry } from "@container-kit/observability";
import type { Job, SessionStore } from "@container-kit/session";
import { admit } from "./admission.ts";
import type { Admission } from "./admission.ts";
import { Circuits } from "./circuits.ts";
import { Unkept } from "./context/unkept.ts";
import { fail } from "./errors.ts";
import type { CallFacts, Services } from "./execution.ts";
import { namedSession } from "./input.ts";
import { Alarms } from "./internal/alarms.ts";
import { JobKeeper } from "./job-keeper.ts";
import type { Policy } from "./policy/types.ts";
import { recover } from "./recovery.ts";
import { refuse } from "./refused-input.ts";
import { createRegistry, DEFAULT_TOOLSETS } from "./registry.ts";
import { renderOutcome } from "./render.ts";
import { createStop } from "./stop.ts";
import type { Stop } from "./stop.ts";
import { Turns } from "./turns.ts";
import type { Plugin, Recovery, Runtime, RuntimeStatus, ToolCall, ToolOutcome, ToolProgress } from "./types.ts";

const DEFAULT_MAX_CONCURRENT = 64;
const DEFAULT_MAX_WAITING = 64;
const DEFAULT_JOB_AFTER_MS = 30_000;
/** How many executions may ask one through the other. */
const DEEPEST = 8;
const NOBODY: readonly string[] = [];
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
  /** What tools tell each other. Without it they produce and consume nothing. The runtime registers the plugins' types. */
  readonly context?: ContextStore;
  /** Told `tool.completed`, `tool.failed`, `tool.cancelled` of every execution. Default: nobody is. */
  readonly events?: EventBus;
  /** Where failures go next. Without it no failure has a `routing`. */
  readonly routing?: FailureRouting;
  /** Whether routes may propose to change the user's files. Default true. */
  readonly autoFix?: boolean;
}

/**
 * Makes the registry of tools and the only way to run one. Schemas are made here, once.
 *
 * @throws PLUGIN_INVALID INVALID_INPUT (a toolset that nobody has)
 */
export function createRuntime(options: RuntimeOptions): Runtime {
  const { plugins, sessions, toolsets = DEFAULT_TOOLSETS, readOnly = false } = options;
  const { maxConcurrent = DEFAULT_MAX_CONCURRENT, maxWaiting = DEFAULT_MAX_WAITING } = options;
  const { context, events, routing, autoFix = true } = options;
  const { logger = silentLogger, telemetry = silentTelemetry, clock = () => performance.now() } = options;
  return new ToolRuntime({
    sessions,
    logger,
    redactor: options.redactor ?? createRedactor(),
    telemetry,
    policy: options.policy,
    clock,
    alarms: new Alarms(clock),
    registry: createRegistry(plugins, { toolsets, readOnly }, context),
    context,
    unkept: new Unkept(),
    events,
    routing,
    autoFix,
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

class ToolRuntime implements Runtime {
  readonly #services: Services;
  readonly #running = new Map<CallFacts, { readonly stop: Stop; work: Promise<void> }>();
  /** Work whose caller has been answered with a job. */
  readonly #detached = new Set<Promise<void>>();
  #closing: Promise<void> | undefined;

  constructor(services: Omit<Services, "requests">) {
    const requests = createRequests<ToolOutcome>({
      clock: services.clock,
      send: ({ tool, input, correlationId, parent }, { signal }) =>
        this.#execute({ tool, input, correlationId, parent, signal, mayDetach: false }, true),
    });
    this.#services = { ...services, requests };
  }

  list(): ReturnType<Runtime["list"]> {
    return this.#services.registry.listings;
  }

  render(outcome: ToolOutcome): string {
    return renderOutcome(this.#services, outcome);
  }

  execute(call: ToolCall): Promise<ToolOutcome> {
    return this.#execute(call, false);
  }

  recover(): Promise<Recovery> {
    return recover(this.#services);
  }

  /** @param asked whether a tool asks for it */
  async #execute(call: ToolCall, asked: boolean): Promise<ToolOutcome> {
    const { clock, registry, turns } = this.#services;
    const asker = call.parent === undefined ? undefined : this.#factsOf(call.parent);
    const facts: CallFacts = {
      tool: typeof call.tool === "string" ? call.tool : "",
      correlationId: call.correlationId ?? parseTraceparent(call.traceparent)?.traceId ?? newTraceId(),
      startedAt: clock(),
      sessionId: "",
      executionId: "",
      jobId: null,
      askers: asker === undefined ? NOBODY : [...asker.askers, asker.tool],
      asked,
      traceparent: undefined,
    };
    try {
      if (this.#closing !== undefined) throw fail("INTERRUPTED", "the server is stopping and takes no more calls");
      if (facts.askers.length > DEEPEST) throw tooDeep(facts);
      const prepared = registry.get(facts.tool);
      const group = namedSession(call.input) ?? "";
      const ticket = turns.take({ definition: prepared.definition, group, askers: facts.askers });
      const traced = call.traceparent ?? asker?.traceparent;
      const known = traced === undefined ? call : { ...call, traceparent: traced };
      return await this.#answered({ call: known, facts, prepared, ticket });
    } catch (thrown) {
      return refuse(this.#services, facts, thrown);
    }
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

  /** Of an execution that runs here. */
  #factsOf(executionId: string): CallFacts | undefined {
    for (const facts of this.#running.keys()) if (facts.executionId === executionId) return facts;
    return undefined;
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
        const outcome = await admit(this.#services, { ...entry, stop, answer });
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

function tooDeep({ tool }: CallFacts): Error {
  return fail("CONFLICT", `${tool} is asked for by ${DEEPEST} tools one through the other, which may go in a circle`, {
    remedy: "Let fewer tools ask each other; get_session shows which did.",
  });
}
