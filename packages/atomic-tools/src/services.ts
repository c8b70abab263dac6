import type { Policy, RuntimeStatus } from "@container-kit/atomic-runtime";
import type { ContextStore, ContextUsage, EventBus, KnownTool } from "@container-kit/context-sharing";
import type { Engine, LoginOptions, LoginResult } from "@container-kit/docker-ops";
import type { AlertState, Redactor } from "@container-kit/observability";
import type { Job, SessionStore } from "@container-kit/session";
import type { PathPolicy } from "./path-policy.ts";

/** How the store fares, as it tells itself. */
export interface StoreDescription {
  readonly status: "ok" | "degraded" | "readOnly" | "unavailable";
  readonly reasons: readonly string[];
  readonly bytes: Readonly<Record<string, number>>;
  /** Bytes that are recorded and not in the tables yet. */
  readonly behind: number;
}

/** A plugin that was asked for; with a problem it is not loaded. */
export interface PluginDescription {
  readonly name: string;
  readonly version?: string;
  readonly problem?: string;
}

/** What only the program that is composed of everything can tell of itself. */
export interface ServerDescription {
  readonly versions: Readonly<Record<string, string>>;
  readonly toolsets: readonly string[];
  readonly store?: StoreDescription;
  readonly runtime?: RuntimeStatus;
  readonly alerts?: readonly AlertState[];
  readonly plugins?: readonly PluginDescription[];
  /** The names of the rules in force. */
  readonly policy?: readonly string[];
  /** How much the sessions' context holds. */
  readonly context?: ContextUsage;
}

/** What the built-in tools need; the program hands it in. */
export interface ToolServices {
  /** The engine, connected when it is first asked for. @throws ENGINE_UNAVAILABLE and the other engine codes */
  readonly engine: () => Promise<Engine>;
  /** Asks a registry (`docker.io` or `host[:port]`) about the credential that a pull or push would use. */
  readonly checkLogin: (registry: string, options: LoginOptions) => Promise<LoginResult>;
  /** Where `env:` references of a call are read. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly sessions: SessionStore;
  /** What the tools of a session left; without it, nothing is told to be known. */
  readonly context?: Pick<ContextStore, "query">;
  /** What happened; without it, nobody tells which tool took what of which. */
  readonly events?: Pick<EventBus, "read">;
  /** The tools that are loaded. */
  readonly listTools?: () => readonly KnownTool[];
  /** Asks a job to stop; by default only through the store. @throws JOB_NOT_FOUND */
  readonly cancelJob?: (jobId: string) => Promise<Job>;
  readonly paths: PathPolicy;
  readonly redactor: Redactor;
  /** The runtime's policy: facts that none of its rules looks at are not gathered. Without it, all are. */
  readonly policy?: Pick<Policy, "looksAt">;
  /** Images that the engine builds on in place of those that a Dockerfile names. */
  readonly baseImages?: Readonly<Record<string, string>>;
  readonly describeServer: () => ServerDescription | Promise<ServerDescription>;
}
