import type { Engine, LoginOptions, LoginResult } from "@container-kit/docker-ops";
import type { Redactor } from "@container-kit/observability";
import type { SessionStore } from "@container-kit/session";
import type { PathPolicy } from "./path-policy.ts";

/** What only the program that is composed of everything can tell of itself. */
export interface ServerDescription {
  readonly versions: Readonly<Record<string, string>>;
  readonly toolsets: readonly string[];
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
  readonly paths: PathPolicy;
  readonly redactor: Redactor;
  readonly describeServer: () => ServerDescription;
}
