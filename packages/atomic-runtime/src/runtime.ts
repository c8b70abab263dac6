import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { createRedactor, silentLogger } from "@container-kit/observability";
import type { Logger, Redactor } from "@container-kit/observability";
import type { SessionStore } from "@container-kit/session";
import { fail } from "./errors.ts";
import { createStop } from "./execution.ts";
import type { CallFacts, Execution, Services, Stop } from "./execution.ts";
import { namedSession, parseInput } from "./input.ts";
import type { ParsedInput } from "./input.ts";
import { runThroughLayers } from "./middleware/order.ts";
import { endOf, failure, logOutcome } from "./outcome.ts";
import { createRegistry, DEFAULT_TOOLSETS } from "./registry.ts";
import { renderOutcome } from "./render.ts";
import type { PreparedTool } from "./schema.ts";
import type { Plugin, Runtime, ToolCall, ToolOutcome, ToolProgress } from "./types.ts";

const DEFAULT_MAX_CONCURRENT = 64;
const RETRY_AFTER_MS = 1_000;
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
  /** Milliseconds that only grow. Default `performance.now`. */
  readonly clock?: () => number;
  /** Default build, image, security, workflow, session, server. */
  readonly toolsets?: readonly string[];
  /** Serves only tools that change nothing. Default false. */
  readonly readOnly?: boolean;
  /** How many calls may run at once; the next is refused with OVERLOADED. Default 64. */
  readonly maxConcurrent?: number;
}

/**
 * Makes the registry of tools and the only way to run one. Schemas are made here, once.
 *
 * @throws PLUGIN_INVALID INVALID_INPUT (a toolset that nobody has)
 */
export function createRuntime(options: RuntimeOptions): Runtime {
  const { plugins, toolsets = DEFAULT_TOOLSETS, readOnly = false, maxConcurrent = DEFAULT_MAX_CONCURRENT } = options;
  return new ToolRuntime(maxConcurrent, {
    sessions: options.sessions,
    logger: options.logger ?? silentLogger,
    redactor: options.redactor ?? createRedactor(),
    clock: options.clock ?? (() => performance.now()),
    registry: createRegistry(plugins, { toolsets, readOnly }),
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
  const { onProgress: _unused, ...silent } = call;
  return runtime.execute(silent);
}

/** What an admitted call needs before it is an execution. */
interface Admission {
  readonly call: ToolCall;
  readonly facts: CallFacts;
  readonly prepared: PreparedTool;
  readonly stop: Stop;
}

class ToolRuntime implements Runtime {
  readonly #services: Services;
  readonly #maxConcurrent: number;
  readonly #running = new Map<Stop, Promise<ToolOutcome>>();
  #closing: Promise<void> | undefined;

  constructor(maxConcurrent: number, services: Services) {
    this.#maxConcurrent = maxConcurrent;
    this.#services = services;
  }

  list(): ReturnType<Runtime["list"]> {
    return this.#services.registry.listings;
  }

  render(outcome: ToolOutcome): string {
    return renderOutcome(this.#services, outcome);
  }

  async execute(call: ToolCall): Promise<ToolOutcome> {
    const { clock } = this.#services;
    const facts: CallFacts = {
      tool: typeof call.tool === "string" ? call.tool : "",
      correlationId: call.correlationId ?? randomUUID(),
      startedAt: clock(),
      sessionId: "",
      executionId: "",
      jobId: null,
    };
    try {
      if (this.#closing !== undefined) throw fail("INTERRUPTED", "the server is stopping and takes no more calls");
      const prepared = this.#services.registry.get(facts.tool);
      if (this.#running.size >= this.#maxConcurrent) throw overloaded(this.#maxConcurrent);
      return await this.#run({ call, facts, prepared, stop: createStop() });
    } catch (thrown) {
      return this.#refuse(facts, thrown);
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#stopAll();
    return this.#closing;
  }

  /** Counts the call as running and wires its cancellation for as long as it lasts. */
  async #run(admission: Admission): Promise<ToolOutcome> {
    const { call, facts, stop } = admission;
    const cancel = () => stop.now("CANCELLED", `${facts.tool} was cancelled by its caller`);
    if (call.signal?.aborted === true) cancel();
    call.signal?.addEventListener("abort", cancel, { once: true });
    const outcome = this.#admit(admission);
    this.#running.set(stop, outcome);
    try {
      return await outcome;
    } finally {
      this.#running.delete(stop);
      call.signal?.removeEventListener("abort", cancel);
    }
  }

  async #admit({ call, facts, prepared, stop }: Admission): Promise<ToolOutcome> {
    const { sessions } = this.#services;
    let input: ParsedInput;
    try {
      input = parseInput(prepared, call.input);
    } catch (thrown) {
      return this.#refuseInput({ call, facts, prepared }, thrown);
    }
    const session =
      input.sessionId === undefined ? await sessions.openSession() : await sessions.touchSession(input.sessionId);
    facts.sessionId = session.id;
    const execution: Execution = {
      facts,
      services: this.#services,
      prepared,
      input,
      onProgress: call.onProgress,
      stop,
      report: () => {},
      abandoned: undefined,
    };
    return runThroughLayers(execution);
  }

  #refuse(facts: CallFacts, thrown: unknown): ToolOutcome {
    const outcome = failure(facts, this.#services, thrown);
    logOutcome(this.#services, outcome);
    return outcome;
  }

  /**
   * Bad input is recorded like any other call, in a session of its own where it names none. The input itself is not
   * kept: what has no known form cannot be redacted with certainty.
   */
  async #refuseInput({ call, facts, prepared }: Omit<Admission, "stop">, thrown: unknown): Promise<ToolOutcome> {
    const { sessions, logger } = this.#services;
    const named = namedSession(call.input);
    // What a session is demanded of has nothing to say about a new one.
    if (named === undefined && prepared.definition.session === "required") return this.#refuse(facts, thrown);
    try {
      const session = named === undefined ? await sessions.openSession() : await sessions.touchSession(named);
      facts.sessionId = session.id;
      const { tool, sessionId, correlationId } = facts;
      const started = await sessions.startExecution({
        sessionId,
        tool,
        correlationId,
        dryRun: false,
        input: null,
        job: false,
      });
      facts.executionId = started.id;
      const outcome = this.#refuse(facts, thrown);
      await sessions.endExecution(started.id, endOf(outcome, false));
      return outcome;
    } catch (error) {
      logger.debug("bad input could not be recorded", { tool: facts.tool, error });
      return this.#refuse(facts, thrown);
    }
  }

  async #stopAll(): Promise<void> {
    for (const stop of this.#running.keys()) stop.now("INTERRUPTED", "the server is stopping");
    const timeout = new AbortController();
    await Promise.race([
      Promise.allSettled(this.#running.values()),
      sleep(LONGEST_CLOSE_MS, undefined, { signal: timeout.signal }),
    ]).finally(() => timeout.abort());
  }
}

function overloaded(maxConcurrent: number): Error {
  return fail("OVERLOADED", `${maxConcurrent} calls are running already, and no more are allowed at once`, {
    details: { retryAfterMs: RETRY_AFTER_MS },
  });
}
