import type { ContextStore, EventBus, FailureRouting, Requests } from "@container-kit/context-sharing";
import type { Logger, Redactor, Telemetry } from "@container-kit/observability";
import type { ExecutionEnd, JobLease, SessionStore } from "@container-kit/session";
import type { Circuits } from "./circuits.ts";
import type { Offered } from "./context/offer.ts";
import type { Unkept } from "./context/unkept.ts";
import type { UsedEntry } from "./context/used.ts";
import type { ParsedInput } from "./input.ts";
import type { Alarms } from "./internal/alarms.ts";
import type { JobKeeper } from "./job-keeper.ts";
import type { Ticket, Turns } from "./turns.ts";
import type { Policy } from "./policy/types.ts";
import type { Reporter } from "./progress.ts";
import type { Registry } from "./registry.ts";
import type { PreparedTool } from "./schema.ts";
import type { Stop } from "./stop.ts";
import type { ToolCall, ToolOutcome, ToolProgress } from "./types.ts";

/** What the runtime works with, handed to every layer of it. */
export interface Services {
  readonly sessions: SessionStore;
  readonly logger: Logger;
  readonly redactor: Redactor;
  readonly telemetry: Telemetry;
  readonly policy: Policy | undefined;
  /** Milliseconds that only grow; differences are used, never the time of day. */
  readonly clock: () => number;
  readonly alarms: Alarms;
  readonly registry: Registry;
  readonly turns: Turns;
  readonly circuits: Circuits;
  readonly jobs: JobKeeper;
  /** How long a call may last before it is answered with a job. */
  readonly jobAfterMs: number;
  /** What tools tell each other; undefined: they produce and consume nothing. */
  readonly context: ContextStore | undefined;
  /** What could not be kept for other tools lately. */
  readonly unkept: Unkept;
  readonly events: Pick<EventBus, "publish" | "publishSoon"> | undefined;
  readonly routing: FailureRouting | undefined;
  /** Whether routes may propose to change the user's files. */
  readonly autoFix: boolean;
  /** Asks tools on behalf of tools. */
  readonly requests: Requests<ToolOutcome>;
  /** The recovery that is under way, or the last one; never rejects. */
  readonly recovering: { last: Promise<unknown> };
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
  /** Set while a success could not yet be kept under the key. Never rejects. */
  settling: Promise<void> | undefined;
  readonly executionId: string;
  /** Resolves when the key is free again, or its holder is abandoned. */
  readonly changed: Promise<undefined>;
  wake(): void;
}

/** What is said of a call in every outcome, filled in as it becomes known. */
export interface CallFacts {
  readonly tool: string;
  correlationId: string;
  readonly startedAt: number;
  sessionId: string;
  executionId: string;
  jobId: string | null;
  /** The tools whose executions in this process ask for this one, one through the other; none for a call from outside. */
  readonly askers: readonly string[];
  /** A tool asked for it by `context.request`. */
  readonly asked: boolean;
  /** Its span, for the spans of what it asks for. */
  traceparent: string | undefined;
}

/** One admitted call on its way through the layers. */
export interface Execution {
  readonly facts: CallFacts;
  readonly services: Services;
  readonly prepared: PreparedTool;
  readonly input: ParsedInput;
  readonly call: ToolCall;
  readonly stop: Stop;
  readonly ticket: Ticket;
  /** The session's. */
  readonly labels: Readonly<Record<string, string>>;
  /** The context entries that it took so far. */
  readonly used: UsedEntry[];
  /** The entries that its tool may look at, once they are read. */
  offered: Offered | undefined;
  /** Stops what the tool asks of others; made when it asks first. `over`: the tool has returned. */
  asking: AbortController | "over" | undefined;
  /** How it ended, once that is known, and whether the record has it. */
  end: { readonly status: ExecutionEnd["status"]; readonly recorded: boolean } | undefined;
  /** Answers the caller; only the first answer counts. */
  readonly answer: (outcome: ToolOutcome) => void;
  /** Takes the tool's progress; says nothing until the progress layer has opened it, nor after it has closed it. */
  report: (progress: ToolProgress) => void;
  reporter: Reporter | undefined;
  /** The right to the job that this execution is, where it is one. */
  lease: JobLease | undefined;
  /** The caller has been answered with a job, and the work goes on. */
  detached: boolean;
  /** Settles when an execution that is just being made a job is one. Never rejects. */
  adopting: Promise<void> | undefined;
  /** Which run of the tool it is, from 1. */
  attempt: number;
  /** When the tool has to be done. */
  deadlineAt: number;
  /** What the tool announced with `willMake`, the newest first. */
  notes: readonly unknown[];
  /** Settles when no note is under way that the tool may not have waited for. Never rejects. */
  noting: Promise<unknown> | undefined;
  /** What was thrown last: an outcome keeps less of it than the record wants. */
  thrown: unknown;
  /** The tool's own end with its undoing, when the caller was answered without it. Never rejects. */
  abandoned: Promise<unknown> | undefined;
}

/** A layer around the rest of the execution. What it throws becomes the failure that the layer outside it sees. */
export type Layer = (execution: Execution, next: () => Promise<ToolOutcome>) => Promise<ToolOutcome>;
