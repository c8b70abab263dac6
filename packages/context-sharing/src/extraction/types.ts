/** What is needed of a tool's registry entry. */
export interface KnownTool {
  readonly name: string;
  readonly title: string;
  readonly toolset: string;
  /** Types of context entries. */
  readonly produces?: readonly string[];
  readonly consumes?: readonly string[];
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
  /** The code of its error; null without one. */
  readonly code: string | null;
  readonly message: string | null;
  readonly startedAt: number;
  readonly durationMs: number | null;
  /** Entries that it left, where they are known. */
  readonly produced: readonly { readonly type: string; readonly key: string; readonly version: number }[];
  /** Executions whose entries it took: what had to run before it. */
  readonly after: readonly string[];
}
