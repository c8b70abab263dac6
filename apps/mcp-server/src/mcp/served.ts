import type { Runtime } from "@container-kit/atomic-runtime";
import type { EventBus } from "@container-kit/context-sharing";
import type { Logger } from "@container-kit/observability";
import type { SessionStore } from "@container-kit/session";

/** What is served, to whichever client. */
export interface Served {
  readonly runtime: Runtime;
  readonly sessions: SessionStore;
  /** What happened in sessions beside the executions; without it, that is not told. */
  readonly events?: Pick<EventBus, "read">;
  readonly logger: Logger;
  readonly version: string;
}
