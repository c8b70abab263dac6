import type { Logger, Redactor } from "@container-kit/observability";
import type { SessionStore } from "@container-kit/session";
import { fail } from "./errors.ts";
import type { ParsedInput } from "./input.ts";
import type { Registry } from "./registry.ts";
import type { PreparedTool } from "./schema.ts";
import type { ToolOutcome, ToolProgress } from "./types.ts";

/** What the runtime works with, handed to every layer of it. */
export interface Services {
  readonly sessions: SessionStore;
  readonly logger: Logger;
  readonly redactor: Redactor;
  /** Milliseconds that only grow; differences are used, never the time of day. */
  readonly clock: () => number;
  readonly registry: Registry;
  /** Who holds which idempotency key in this process. */
  readonly keyHolders: Map<string, KeyHolder>;
  /** What a success was the answer to, for as long as somebody may render it. */
  readonly inputs: WeakMap<ToolOutcome, Record<string, unknown>>;
}

/** One execution of this process that holds, or is about to ask for, an idempotency key. */
export interface KeyHolder {
  /** Set once the key is really held. */
  fingerprint: string | undefined;
  /** Set when the caller was answered although the tool has not stopped. */
  abandoned: boolean;
  readonly executionId: string;
  /** Resolves when the key is free again, or its holder is abandoned. */
  readonly changed: Promise<undefined>;
  wake(): void;
}

/** What is said of a call in every outcome, filled in as it becomes known. */
export interface CallFacts {
  readonly tool: string;
  readonly correlationId: string;
  readonly startedAt: number;
  sessionId: string;
  executionId: string;
  jobId: string | null;
}

/** One admitted call on its way through the layers. */
export interface Execution {
  readonly facts: CallFacts;
  readonly services: Services;
  readonly prepared: PreparedTool;
  readonly input: ParsedInput;
  readonly onProgress: ((progress: ToolProgress) => void) | undefined;
  readonly stop: Stop;
  /** Takes the tool's progress; says nothing until the progress layer has opened it. */
  report: (progress: ToolProgress) => void;
  /** The tool's own end, when the caller was answered without it. */
  abandoned: Promise<ToolOutcome> | undefined;
}

/** Why an execution was told to stop. */
type StopCode = "CANCELLED" | "INTERRUPTED" | "TOOL_TIMEOUT";

/** The one switch that stops an execution; the first reason stays. */
export interface Stop {
  /** Its reason is a `KitError` of the code, so that a tool may throw it as it is. */
  readonly signal: AbortSignal;
  readonly reason: { readonly code: StopCode; readonly message: string } | undefined;
  now(code: StopCode, message: string): void;
}

/** A layer around the rest of the execution. What it throws becomes the failure that the layer outside it sees. */
export type Layer = (execution: Execution, next: () => Promise<ToolOutcome>) => Promise<ToolOutcome>;

/** Makes the switch that stops one execution. */
export function createStop(): Stop {
  const controller = new AbortController();
  let first: Stop["reason"];
  return {
    signal: controller.signal,
    get reason() {
      return first;
    },
    now(code, message) {
      if (first !== undefined) return;
      first = { code, message };
      controller.abort(fail(code, message));
    },
  };
}
