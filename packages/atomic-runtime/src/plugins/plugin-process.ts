/**
 * One process of an untrusted plugin, seen from the server.
 *
 * - P1  It serves one call at a time; whatever goes wrong in it ends that call and the process, and nothing else.
 * - P2  A call that was told to stop and does not is ended with SIGKILL after its grace, before the runtime gives it up.
 * - P3  Nothing that it says is believed: messages are bounded (F1, F3), checked, and dropped when no call of that id
 *       runs. Every one counts, whatever it is, and so does what comes between two calls.
 * - P4  Its memory is looked at for as long as it lives, not only while it is called.
 */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import type { Duplex, Readable } from "node:stream";
import { isKitError } from "@container-kit/errors";
import type { Logger } from "@container-kit/observability";
import { fail } from "../errors.ts";
import { deferred } from "../internal/deferred.ts";
import type { Deferred } from "../internal/deferred.ts";
import { failPlugin } from "./errors.ts";
import { isTooDeep, readFrames, writeFrame } from "./frames.ts";
import { fromPluginSchema } from "./messages.ts";
import type { CallMessage, DoneMessage, FromPlugin, LoadMessage, TookEntries } from "./messages.ts";
import { permissionFlags } from "./permissions.ts";
import type { Grants } from "./permissions.ts";
import { logPrinted } from "./printed.ts";
import type { Printed } from "./printed.ts";
import { residentMemory } from "./resident-memory.ts";
import { kitErrorOf } from "./revive-error.ts";

/** How long a stopped call may wind up: less than the runtime's own patience (D2), so that it really has stopped. */
const GRACE_AFTER_DEADLINE_MS = 750;
const GRACE_AFTER_STOP_MS = 2_000;
const MEMORY_CHECK_MS = 250;
/** Of messages in one call and until the next: reports, log lines, questions and what is dropped included. */
const MOST_MESSAGE_BYTES = 16 * 1024 * 1024;
/** Refusals that are logged for one process. */
const MOST_DENIALS = 100;

/** How a plugin's process is started. */
export interface ProcessOptions {
  /** What the plugin is called in messages. */
  readonly label: string;
  /** The built host program. */
  readonly program: string;
  readonly folder: string;
  readonly load: LoadMessage;
  readonly grants: Grants;
  readonly environment: Readonly<Record<string, string>>;
  readonly cpuSeconds: number;
  readonly heapMiB: number;
  readonly residentMiB: number;
  readonly logger: Logger;
}

/** What a call may ask of the server while it runs. */
export interface CallHandlers {
  onReport(progress: Extract<FromPlugin, { kind: "report" }>["progress"]): void;
  onLog(line: Extract<FromPlugin, { kind: "log" }>): void;
  /** Keeps a note for the undo. */
  onMake(note: unknown): Promise<void>;
  /** Notes which entries of the session the call looked at. */
  onTook(entries: TookEntries): void;
  /** Judges facts. @throws POLICY_DENIED */
  onFacts(facts: unknown): void;
}

interface ActiveCall {
  readonly id: number;
  readonly handlers: CallHandlers;
  readonly done: Deferred<DoneMessage | Error>;
}

/** A plugin's process; {@link PluginProcess.load} before anything else. */
export class PluginProcess {
  readonly #options: ProcessOptions;
  readonly #child: ChildProcess;
  readonly #pipe: Duplex;
  readonly #questions: Duplex;
  readonly #printed: Printed;
  readonly #loaded = deferred<Extract<FromPlugin, { kind: "loaded" | "refused" }> | Error>();
  readonly #ended = deferred<void>();
  #call: ActiveCall | undefined;
  #reason: Error | undefined;
  #alive = true;
  #calls = 0;
  /** Since the last call began (P3). */
  #bytes = 0;
  #denials = 0;
  readonly #watch: NodeJS.Timeout;

  constructor(options: ProcessOptions) {
    this.#options = options;
    const { program, folder, grants, environment, heapMiB, cpuSeconds, logger } = options;
    const flags = [...permissionFlags(grants), "--no-warnings", `--max-old-space-size=${heapMiB}`];
    const [file, ...args] = limited([process.execPath, ...flags, program], cpuSeconds);
    this.#child = spawn(file, args, {
      cwd: folder,
      env: environment,
      stdio: ["ignore", "pipe", "pipe", "pipe", "pipe"],
    });
    const [, stdout, stderr, pipe, questions] = this.#child.stdio as [null, Readable, Readable, Duplex, Duplex];
    this.#pipe = pipe;
    this.#questions = questions;
    // A process that died makes writing fail; its exit says so.
    for (const stream of [pipe, questions]) stream.on("error", () => undefined);
    this.#printed = logPrinted({ stdout, stderr }, logger, () =>
      this.#kill(this.#failed("printed more than 8 MiB in one call")),
    );
    readFrames(pipe, {
      onFrame: (frame, bytes) => this.#read(bytes, frame, () => this.#take(frame)),
      onFault: (message) => this.#kill(fail("OUTPUT_INVALID", `plugin ${options.label} sent ${message}`)),
    });
    readFrames(questions, {
      onFrame: (facts, bytes) => this.#read(bytes, facts, () => this.#judge(facts)),
      onFault: (message) => this.#kill(this.#failed(`sent ${message} as a question`)),
    });
    this.#watch = setInterval(() => void this.#watchMemory(), MEMORY_CHECK_MS);
    this.#watch.unref();
    this.#child.once("error", (cause) =>
      this.#end(failPlugin("PLUGIN_FAILED", `plugin ${options.label} cannot be started`, { cause })),
    );
    // After the last message was read, not before: a plugin may finish a call and end.
    this.#child.once("close", (code, signal) => this.#end(this.#reason ?? this.#exited(code, signal)));
  }

  /** Whether it can take a call. */
  get usable(): boolean {
    return this.#alive && this.#reason === undefined && this.#call === undefined;
  }

  /** How many calls it has served. */
  get calls(): number {
    return this.#calls;
  }

  /** Resolves when the process has ended. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** Loads the plugin. Resolves with its manifest, unchecked. @throws PLUGIN_INVALID */
  async load(deadlineMs: number): Promise<unknown> {
    const { label, load } = this.#options;
    const late = setTimeout(
      () => this.#kill(fail("PLUGIN_INVALID", `plugin ${label} was not loaded within ${deadlineMs} ms`)),
      deadlineMs,
    );
    writeFrame(this.#pipe, load);
    const answer = await this.#loaded.promise;
    clearTimeout(late);
    if (answer instanceof Error) {
      this.end();
      throw isKitError(answer, "PLUGIN_INVALID")
        ? answer
        : fail("PLUGIN_INVALID", `plugin ${label} cannot be loaded: ${answer.message}`, { cause: answer });
    }
    if (answer.kind === "loaded") return answer.manifest;
    this.end();
    throw fail("PLUGIN_INVALID", `plugin ${label} cannot be loaded: ${answer.message.slice(0, 1_000)}`);
  }

  /** Runs one call. @throws KitError what the plugin or the stop says */
  async call(
    message: Omit<CallMessage, "kind" | "id">,
    handlers: CallHandlers,
    signal: AbortSignal,
  ): Promise<DoneMessage> {
    signal.throwIfAborted();
    this.#calls += 1;
    const call: ActiveCall = { id: this.#calls, handlers, done: deferred() };
    this.#call = call;
    this.#bytes = 0;
    this.#printed.begin();
    let insist: NodeJS.Timeout | undefined;
    const stop = (): void => {
      const { code, text } = readReason(signal);
      writeFrame(this.#pipe, { kind: "abort", id: call.id, code, message: text });
      insist = setTimeout(
        () => this.#kill(signal.reason as Error),
        code === "TOOL_TIMEOUT" ? GRACE_AFTER_DEADLINE_MS : GRACE_AFTER_STOP_MS,
      );
    };
    signal.addEventListener("abort", stop, { once: true });
    try {
      writeFrame(this.#pipe, { ...message, kind: "call", id: call.id });
      const answer = await call.done.promise;
      if (answer instanceof Error) throw answer;
      return answer;
    } finally {
      this.#call = undefined;
      clearTimeout(insist);
      signal.removeEventListener("abort", stop);
    }
  }

  /** Ends the process. */
  end(): void {
    this.#kill(this.#failed("was ended"));
  }

  /** Whatever goes wrong with what it said is its own failure, never the server's (P3). */
  #read(bytes: number, frame: unknown, act: () => void): void {
    if (this.#reason !== undefined) return;
    this.#bytes += bytes;
    if (this.#bytes > MOST_MESSAGE_BYTES)
      return this.#kill(this.#failed("sent more than 16 MiB of messages in one call"));
    try {
      if (isTooDeep(frame)) throw new TypeError("it is nested too deep");
      act();
    } catch (cause) {
      this.#kill(fail("OUTPUT_INVALID", `plugin ${this.#options.label} sent a message that cannot be read`, { cause }));
    }
  }

  #take(frame: unknown): void {
    const parsed = fromPluginSchema.safeParse(frame);
    if (!parsed.success)
      return this.#kill(fail("OUTPUT_INVALID", `plugin ${this.#options.label} sent a message of no known form`));
    const message = parsed.data;
    if (message.kind === "loaded" || message.kind === "refused") return this.#loaded.resolve(message);
    if (message.kind === "denied") {
      this.#denials += 1;
      if (this.#denials > MOST_DENIALS) return undefined;
      return this.#options.logger.warn("the plugin was refused what it is not granted", { what: message.what });
    }
    const call = this.#call;
    if (call === undefined || call.id !== message.id) return undefined;
    return this.#deliver(call, message);
  }

  #deliver(call: ActiveCall, message: Exclude<FromPlugin, { kind: "loaded" | "refused" | "denied" }>): void {
    const { handlers, done, id } = call;
    if (message.kind === "report") return handlers.onReport(message.progress);
    if (message.kind === "log") return handlers.onLog(message);
    if (message.kind === "done" || message.kind === "failed") handlers.onTook(message.took ?? []);
    if (message.kind === "done") return done.resolve(message);
    if (message.kind === "failed") {
      const { stack } = message.error;
      if (stack !== undefined) this.#options.logger.warn("the plugin threw", { stack });
      return done.resolve(kitErrorOf(this.#options.label, message.error));
    }
    void handlers.onMake(message.note).then(
      () => writeFrame(this.#pipe, { kind: "kept", id }),
      (error: unknown) =>
        writeFrame(this.#pipe, { kind: "kept", id, error: error instanceof Error ? error.message : "not kept" }),
    );
    return undefined;
  }

  /** A question that cannot be asked is answered with a refusal. */
  #judge(facts: unknown): void {
    try {
      if (this.#call === undefined) throw fail("POLICY_DENIED", "no call is running");
      this.#call.handlers.onFacts(facts);
      writeFrame(this.#questions, {});
    } catch (error) {
      const {
        code = "POLICY_DENIED",
        message = "refused",
        remedy,
        details,
      } = error as Partial<ReturnType<typeof fail>>;
      writeFrame(this.#questions, { error: { code, message, remedy, details } });
    }
  }

  async #watchMemory(): Promise<void> {
    const { residentMiB } = this.#options;
    const resident = await residentMemory(this.#child.pid ?? 0);
    if (resident !== undefined && resident > residentMiB * 1024 * 1024)
      this.#kill(this.#failed(`used more than ${residentMiB} MiB of memory`));
  }

  /** The first reason stays. */
  #kill(reason: Error): void {
    this.#reason ??= reason;
    this.#child.kill("SIGKILL");
  }

  #end(reason: Error): void {
    if (!this.#alive) return;
    this.#alive = false;
    clearInterval(this.#watch);
    this.#reason ??= reason;
    this.#loaded.resolve(reason);
    this.#call?.done.resolve(reason);
    this.#pipe.destroy();
    this.#questions.destroy();
    this.#ended.resolve();
  }

  #exited(code: number | null, signal: NodeJS.Signals | null): Error {
    const how = signal === null ? `ended its process with status ${code}` : `was ended by ${signal}`;
    const { heapMiB, cpuSeconds } = this.#options;
    const why = new Map([
      ["SIGABRT", `: it used more than ${heapMiB} MiB, or misused what is inside of Node`],
      ["SIGXCPU", `: it used more than ${cpuSeconds} s of processor time`],
    ]);
    return this.#failed(how + (why.get(signal ?? "") ?? ""));
  }

  #failed(what: string): Error {
    return failPlugin("PLUGIN_FAILED", `plugin ${this.#options.label} ${what}`);
  }
}

/**
 * The kernel's own limit of processor time, so that even a plugin whose loop is blocked ends when no server is left to end
 * it. The shell becomes Node: same process id, same pipes.
 */
function limited(command: readonly [string, ...string[]], cpuSeconds: number): readonly [string, ...string[]] {
  if (process.platform === "win32") return command;
  return ["/bin/sh", "-c", 'ulimit -t "$0" && exec "$@"', String(cpuSeconds), ...command];
}

function readReason({ reason }: AbortSignal): { readonly code: string; readonly text: string } {
  return isKitError(reason)
    ? { code: reason.code, text: reason.message }
    : { code: "CANCELLED", text: "the call was cancelled" };
}
