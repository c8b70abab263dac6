/** What is needed of a tool's registry entry. */
export interface KnownTool {
  readonly name: string;
  readonly title: string;
  readonly toolset: string;
}

/** What is needed of a recorded execution. */
export interface KnownExecution {
  readonly id: string;
  readonly tool: string;
  readonly parent: string | null;
  readonly correlationId: string;
  readonly dryRun: boolean;
  readonly input: unknown;
  readonly status: string;
  readonly result: unknown;
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly startedAt: number;
  readonly durationMs: number | null;
}

/** An entry that an execution left. */
export interface ExtractedEntry {
  readonly type: string;
  readonly key: string;
  readonly version: number;
}

/** An entry that an execution took. */
export interface TakenEntry extends ExtractedEntry {
  /** The execution that had left it. */
  readonly executionId: string;
  /** The argument that it became, which nobody had to give. */
  readonly as: string | null;
}

/** A tool that ran in a session: with what, and with which outcome. */
export interface ExtractedTool {
  readonly tool: string;
  /** Null for one that is not loaded here any more. */
  readonly title: string | null;
  readonly toolset: string | null;
  readonly executionId: string;
  readonly parent: string | null;
  readonly dryRun: boolean;
  readonly input: unknown;
  readonly status: string;
  /** As it is recorded; null without one. */
  readonly result: unknown;
  /** The code of its error; null without one. */
  readonly code: string | null;
  readonly message: string | null;
  readonly startedAt: number;
  readonly durationMs: number | null;
  /** Entries that it left, where they are known. */
  readonly produced: readonly ExtractedEntry[];
  /** Entries that it took, where they are known: what a workflow passes on in their place. */
  readonly used: readonly TakenEntry[];
  /** Executions whose entries it took: what had to run before it. */
  readonly after: readonly string[];
}
