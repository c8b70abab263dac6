import type { ErrorResult } from "@container-kit/errors";
import type { Logger } from "@container-kit/observability";
import type { z } from "zod";

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

/** What a running tool is handed besides its input. */
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
  /** The folder for this job's large material, e.g. the build log. @throws TypeError for a tool that is not `durable` */
  jobFolder(): Promise<string>;
}

/** A tool as the runtime keeps it: what it is called, takes and gives, and how it runs. */
export interface ToolDefinition<Input extends z.ZodObject = z.ZodObject, Output extends z.ZodObject = z.ZodObject> {
  /** snake_case, a verb first. */
  readonly name: string;
  readonly title: string;
  /** When to use it, when not, what it changes, what usually follows. */
  readonly description: string;
  readonly toolset: string;
  /** The tool's own fields; the runtime adds sessionId, and dryRun and idempotencyKey where there are effects. */
  readonly input: Input;
  readonly output: Output;
  readonly annotations: ToolAnnotations;
  /** Milliseconds until TOOL_TIMEOUT. Default 60,000. */
  readonly deadlineMs?: number;
  /** `required`: the tool is about one session, so that a call without `sessionId` is INVALID_INPUT instead of opening one. */
  readonly session?: "required";
  /** Recorded as a job, because it may take long and a crash must be told of. Default false. */
  readonly durable?: boolean;
  run(input: z.output<Input>, context: ToolContext): Promise<z.input<Output>>;
  /** What usually follows a success. */
  next?(result: z.output<Output>, input: z.output<Input>): readonly NextStep[];
  /** One or a few lines for a person; the runtime's JSON rendering by default. */
  summarize?(result: z.output<Output>, input: z.output<Input>): string;
}

/** A set of tools that is loaded together. */
export interface Plugin {
  readonly name: string;
  readonly version: string;
  /** The major version of this contract. */
  readonly apiVersion: 1;
  readonly tools: readonly ToolDefinition[];
}

/** One call of one tool, from whichever door. */
export interface ToolCall {
  readonly tool: string;
  /** Not yet validated. May hold sessionId, dryRun and idempotencyKey beside the tool's own fields. */
  readonly input: unknown;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: ToolProgress) => void;
  /** Made by the runtime when absent. */
  readonly correlationId?: string;
}

interface OutcomeBase {
  readonly tool: string;
  readonly sessionId: string;
  readonly executionId: string;
  readonly correlationId: string;
  readonly durationMs: number;
  /** The durable job of this execution, where there is one. */
  readonly jobId?: string;
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
}

/** The registry of tools, and the only way to run one. */
export interface Runtime {
  /** In the fixed order of the contract's table. */
  list(): readonly ToolListing[];
  /** Never throws: every failure is an outcome. Ends by the tool's deadline. */
  execute(call: ToolCall): Promise<ToolOutcome>;
  /** A few lines for a person, at most 8,000 characters; the text twin of an outcome. */
  render(outcome: ToolOutcome): string;
  /** Cancels what runs, waits for it to be recorded, refuses what comes. */
  close(): Promise<void>;
}
