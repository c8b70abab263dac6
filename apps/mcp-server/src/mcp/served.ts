import type { Runtime } from "@container-kit/atomic-runtime";
import type { Logger } from "@container-kit/observability";
import type { SessionStore } from "@container-kit/session";

/** What is served, to whichever client. */
export interface Served {
  readonly runtime: Runtime;
  readonly sessions: SessionStore;
  readonly logger: Logger;
  readonly version: string;
}
