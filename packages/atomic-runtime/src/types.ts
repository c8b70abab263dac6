import type {
  ContextEntry,
  ContextType,
  RequestOptions,
  RoutingDecision,
  RoutingRule,
} from "@container-kit/context-sharing";
import type { ErrorResult } from "@container-kit/errors";
import type { Logger } from "@container-kit/observability";
import type { InterruptedWork, Job } from "@container-kit/session";
import type { z } from "zod";
import type { CredentialSource, PolicyData, Scanner, Strategy } from "./plugins/roles.ts";

/** One step forward of a tool, as it is told to a client. */
export interface ToolProgress {
  /** One line for a person. */
  readonly message: string;
  readonly phase?: string;
  /** The layer or step that moved; numbers never go back within one id. */
  readonly id?: string;
  readonly current?: number;
  readonly total?: number;
  readonly unit?: "bytes" | "steps";
  readonly done?: boolean;
}

/** All four hints that MCP knows; a tool states each. */
export interface ToolAnnotations {
  readonly readOnlyHint: boolean;
  readonly destructiveHint: boolean;
  readonly idempotentHint: boolean;
  readonly openWorldHint: boolean;
}

/** What a client may do next, with the arguments that are already known. */
export interface NextStep {
  readonly tool: string;
  readonly reason: string;
  readonly arguments: Readonly<Record<string, unknown>>;
}

/** What a running tool is handed besides its input. Hand it on whole: a copy by `...` lacks the signal, the logger and the job. */
export interface ToolContext {
  readonly sessionId: string;
  readonly executionId: string;
  readonly correlationId: string;
  /** The job that this execution is, where the tool is `durable`. */
  readonly jobId: string | null;
  /** Aborts on cancellation and on the deadline. */
  readonly signal: AbortSignal;
  /** Check everything, change nothing, say what would be done. */
  readonly dryRun: boolean;
  readonly logger: Logger;
  /** Tells progress; throttled and made monotonic by the runtime. */
  report(progress: ToolProgress): void;
  /** Which run of this one call it is: 1, and more where the tool's `retry` had it run again. */
  readonly attempt: number;
  /** The folder for this job's large material, e.g. the build log. @throws TypeError for a tool that is not `durable` */
  jobFolder(): Promise<string>;
  /**
   * Keeps what is about to be made, durably, before it is made: the tool's `undo` gets it back when this execution fails,
   * is cancelled or dies. Plain JSON without secrets. @throws TypeError for a tool without `undo`
   */
  willMake(note: unknown): Promise<void>;
  /** Asks the policies about facts that only show while the tool works. @throws POLICY_DENIED, naming the rule */
  allow(facts: PolicyFacts): void;
  /**
   * What the tool declared in `consumes` and earlier tools of this session left: the newest of each type and key. To look
   * at one is to take it: the outcome's `context.used` names it with who made it.
   */
  entry(type: string, key?: string): ContextEntry | undefined;
  /**
   * Calls another tool in the same session, as a child of this execution: same correlation, its own record, its own turn
   * and circuit; repeated where that helps. Never throws but for a stop of this execution: a failure is an outcome.
   */
  request(tool: string, input: Readonly<Record<string, unknown>>, options?: RequestOptions): Promise<ToolOutcome>;
}

/** What an undoing is handed besides what was made. */
export type UndoContext = Pick<ToolContext, "sessionId" | "executionId" | "signal" | "logger">;

/** What an act is about to do, in plain data, for the policies to judge. Absent: the act has no such side; null: it has, and nobody knows what. */
export interface PolicyFacts {
  /** What is done: `pull`, `push`, `tag`, `build`, `write`, `run`, `deploy`. */
  readonly verb: string;
  /** Registries that are read or written: `docker.io`, `host[:port]`. */
  readonly registries?: readonly string[] | null;
  /** Canonical references of the images that a build begins with. */
  readonly baseImages?: readonly string[] | null;
  /** The labels of the image. */
  readonly labels?: Readonly<Record<string, string>> | null;
  /** The user that the image runs as; empty is root. */
  readonly user?: string | null;
  /** How many findings of each severity the last scan had. */
  readonly severities?: Readonly<Record<string, number>> | null;
}

/** How a failed run is repeated: only where the error table says that a retry helps, with growing, jittered pauses. */
export interface RetryPolicy {
  /** Runs in all, the first included; 2 to 10. */
  readonly attempts: number;
  /** The first pause. Default 200. */
  readonly firstPauseMs?: number;
  /** The longest pause. Default 5,000. */
  readonly longestPauseMs?: number;
}

/** What a tool takes from earlier tools of its session, as plain data. */
export interface ConsumedContext {
  /** A registered type of context entries. */
  readonly type: string;
  /**
   * Which one: a text, or as a whole a reference to the input such as `${input.path}`. Default, and where the input has
   * nothing there: the newest of the type.
   */
  readonly key?: string;
  /**
   * Arguments that may be left out where this entry is known, and what of its value they become: `{ image: "reference" }`.
   * A path with dots; they show as optional to a client, and what was filled in is told in `context.used`. An entry that
   * says otherwise than an argument that was given fills nothing, nor does one that would make a valid call invalid.
   */
  readonly fills?: Readonly<Record<string, string>>;
}

/** What a tool leaves for later tools of its session, when it has succeeded for good; at most 32 entries of one call. */
export interface ProducedContext {
  /** A registered type of context entries; of an untrusted plugin, one that it defines itself. */
  readonly type: string;
  /** The first of the list is what later tools take where they name none. */
  from(result: Readonly<Record<string, unknown>>, input: Readonly<Record<string, unknown>>): readonly ProducedEntry[];
}

/** One entry that is to be shared. */
export interface ProducedEntry {
  readonly key: string;
  readonly value: unknown;
  readonly labels?: Readonly<Record<string, string>>;
}

/** A tool as the runtime keeps it: what it is called, takes and gives, and how it runs. */
export interface ToolDefinition<Input extends z.ZodObject = z.ZodObject, Output extends z.ZodObject = z.ZodObject> {
  /** snake_case, a verb first. */
  readonly name: string;
  readonly title: string;
  /** When to use it, when not, what it changes, what usually follows. */
  readonly description: string;
  readonly toolset: string;
  /** The tool's own fields; the runtime adds sessionId and wait, and dryRun and idempotencyKey where there are effects. */
  readonly input: Input;
  readonly output: Output;
  readonly annotations: ToolAnnotations;
  /** Milliseconds until TOOL_TIMEOUT. Default 60,000. */
  readonly deadlineMs?: number;
  /** `required`: the tool is about one session, so that a call without `sessionId` is INVALID_INPUT instead of opening one. */
  readonly session?: "required";
  /** Recorded as a job, because it may take long and a crash must be told of. Default false. */
  readonly durable?: boolean;
  /** How many executions of it may run at once; the next wait their turn. Default: as many as the runtime allows. */
  readonly concurrency?: number;
  /**
   * Runs it again after a failure that a retry may help, when what the failed run announced is undone. Default: one run.
   * Only for what may safely be run twice.
   */
  readonly retry?: RetryPolicy;
  /** What a call depends on, e.g. a registry: after several failures of the surroundings its circuit opens. Default: no circuit. */
  target?(input: z.output<Input>): string | undefined;
  /** What a call is about to do, judged before it begins. Required of a tool that acts on images, registries or clusters. */
  acts?(input: z.output<Input>): PolicyFacts;
  run(input: z.output<Input>, context: ToolContext): Promise<z.input<Output>>;
  /** Checks all, changes nothing, says what would be done. Default: `run` with `context.dryRun`. */
  dryRun?(input: z.output<Input>, context: ToolContext): Promise<z.input<Output>>;
  /**
   * Takes back what {@link ToolContext.willMake} announced, newest first: some of it may never have been made, or be undone already.
   * Runs when the execution failed or was cancelled, and at the next start when its process died.
   */
  undo?(notes: readonly unknown[], context: UndoContext): Promise<void>;
  /** What it takes from earlier tools of the session. */
  readonly consumes?: readonly ConsumedContext[];
  /** What it leaves for later ones. Not after a dry run. */
  readonly produces?: readonly ProducedContext[];
  /** What usually follows a success. */
  next?(result: z.output<Output>, input: z.output<Input>): readonly NextStep[];
  /** One or a few lines for a person; the runtime's JSON rendering by default. */
  summarize?(result: z.output<Output>, input: z.output<Input>): string;
}

/** A set of tools, and of what else extends Container Kit, that is loaded together. */
export interface Plugin {
  readonly name: string;
  readonly version: string;
  /** The major version of this contract. */
  readonly apiVersion: 1;
  readonly tools: readonly ToolDefinition[];
  readonly scanners?: readonly Scanner[];
  readonly strategies?: readonly Strategy[];
  readonly credentialSources?: readonly CredentialSource[];
  /** Rules that are added to the configuration's: they may only narrow what is allowed. */
  readonly policies?: readonly PolicyData[];
  /** Types of context entries that its tools share. */
  readonly contextTypes?: readonly ContextType[];
  /** Rules for failures; one that bears the name of a default replaces it. An untrusted plugin's: additional, for failures of its own tools. */
  readonly routingRules?: readonly RoutingRule[];
}

/** What the runtime needs of the signal that cancels a call: an `AbortSignal`, or a door's own that costs less. */
export interface CancelSignal {
  readonly aborted: boolean;
  addEventListener(type: "abort", listener: () => void, options?: { readonly once?: boolean }): void;
  removeEventListener(type: "abort", listener: () => void): void;
}

/** One call of one tool, from whichever door. */
export interface ToolCall {
  readonly tool: string;
  /** Not yet validated. May hold sessionId, dryRun and idempotencyKey beside the tool's own fields. */
  readonly input: unknown;
  readonly signal?: CancelSignal;
  readonly onProgress?: (progress: ToolProgress) => void;
  /** Made by the runtime when absent. */
  readonly correlationId?: string;
  /** The execution or workflow step that asks. */
  readonly parent?: string;
  /** A W3C `traceparent`: the span of the call becomes its child, and its trace id the correlation id. */
  readonly traceparent?: string;
  /**
   * Whether the call may be answered with a job when it lasts longer than 30 s. Default true. A door whose caller waits
   * anyway, such as a command line, says false. What the input's `wait` says goes before it.
   */
  readonly mayDetach?: boolean;
}

interface OutcomeBase {
  readonly tool: string;
  readonly sessionId: string;
  readonly executionId: string;
  readonly correlationId: string;
  readonly durationMs: number;
  /** The durable job of this execution, where there is one. */
  readonly jobId?: string;
  readonly context?: OutcomeContext;
}

/** A context entry as an outcome names it. */
export interface NamedEntry {
  readonly type: string;
  readonly key: string;
  readonly version: number;
  /** The tool that made it. */
  readonly tool: string;
  /** The execution that made it. */
  readonly executionId: string;
}

/** What a call took from its session and left there. Only what there is is told. */
export interface OutcomeContext {
  /** What it took; `as`: the argument that it became. */
  readonly used?: readonly (NamedEntry & { readonly as?: string })[];
  readonly produced?: readonly NamedEntry[];
  /** What else is known in the session, the newest first, at most 8; told by tools that produce or consume. */
  readonly known?: readonly Pick<NamedEntry, "type" | "key" | "tool">[];
  /** What could not be kept, and why; one sentence each. */
  readonly problems?: readonly string[];
}

/** The contract's result, exactly as it goes over the wire. */
export interface ToolSuccess extends OutcomeBase {
  readonly ok: true;
  readonly dryRun: boolean;
  readonly result: Readonly<Record<string, unknown>>;
  readonly next: readonly NextStep[];
}

/** The contract's failure, exactly as it goes over the wire. */
export interface ToolFailure extends OutcomeBase {
  readonly ok: false;
  readonly error: ErrorResult;
  /** Where the failure goes next, where a rule has something to say. */
  readonly routing?: RoutingDecision;
}

/** How one call of a tool ended, as every surface gives it out. */
export type ToolOutcome = ToolSuccess | ToolFailure;

/** A tool as a surface shows it: schemas computed once, JSON Schema 2020-12. */
export interface ToolListing {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly toolset: string;
  readonly annotations: ToolAnnotations;
  readonly inputSchema: Readonly<Record<string, unknown>>;
  /** Of the whole outcome (the envelope), so that it is what a client's structured content is checked against. */
  readonly outputSchema: Readonly<Record<string, unknown>>;
  /** Types of context entries. */
  readonly produces: readonly string[];
  readonly consumes: readonly string[];
}

/** The registry of tools, and the only way to run one. */
export interface Runtime {
  /** In the fixed order of the contract's table. */
  list(): readonly ToolListing[];
  /** Never throws: every failure is an outcome. Ends by the tool's deadline. */
  execute(call: ToolCall): Promise<ToolOutcome>;
  /** A few lines for a person, at most 8,000 characters; the text twin of an outcome. */
  render(outcome: ToolOutcome): string;
  /**
   * Ends what dead processes left: marks their work as interrupted and undoes what it made. Called once at the start of
   * a program that runs tools; says what was done and what could not be.
   */
  recover(): Promise<Recovery>;
  /** Asks a job to stop, in whichever process it runs. @throws JOB_NOT_FOUND */
  cancelJob(jobId: string): Promise<Job>;
  /** Resolves when no job runs here whose call has been answered already. */
  jobsDone(): Promise<void>;
  /** How the runtime fares now; cheap. */
  status(): RuntimeStatus;
  /** Cancels what runs, waits for it to be recorded, refuses what comes. */
  close(): Promise<void>;
}

/** What {@link Runtime.recover} found and did. */
export interface Recovery extends InterruptedWork {
  readonly undone: number;
  /** What could not be undone and is tried again at the next start; one sentence each. */
  readonly problems: readonly string[];
}

/** How the runtime fares. */
export interface RuntimeStatus {
  readonly running: number;
  readonly waiting: number;
  /** Jobs whose call has been answered already. */
  readonly jobs: number;
  /** Calls that were refused as OVERLOADED since the start. */
  readonly refused: number;
  /** Circuits that are not closed: `tool target`. */
  readonly openCircuits: readonly string[];
}
