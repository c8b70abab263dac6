import { createLogger, createRedactor } from "@container-kit/observability";
import type { Logger, Redactor } from "@container-kit/observability";
import { createSessionStore } from "@container-kit/session";
import type { SessionStore } from "@container-kit/session";
import { openStorage } from "@container-kit/storage";
import type { Storage } from "@container-kit/storage";
import type { Config } from "./config/config.ts";
import { openSharedContext } from "./sharing.ts";
import type { SharedContext } from "./sharing.ts";
import { toRefusal } from "./store-refusal.ts";

/** The durable record, what tools of its sessions tell each other, and what both are kept in. */
export interface OpenedSessions {
  readonly sessions: SessionStore;
  readonly shared: SharedContext;
  readonly storage: Storage;
  readonly close: () => Promise<void>;
}

/** Opens the durable record alone. @throws STORE_UNAVAILABLE STORE_CORRUPT */
export async function openSessions(
  config: Config,
  redactor: Redactor = createRedactor(),
  logger: Logger = createLogger({ level: config.logLevel, redactor }),
): Promise<OpenedSessions> {
  const { allowNetworkFileSystem } = config;
  const storage = await openStorage(config.store, { logger, allowNetworkFileSystem, ...keeper() }).catch(toRefusal);
  try {
    const shared = openSharedContext(storage, { logger, redactor });
    const sessions = createSessionStore(storage, { companions: shared.companions });
    // Also for a program that only reads: what a dead process left behind is told as interrupted, not as running.
    const interrupted = await sessions.recoverInterrupted();
    if (interrupted.executions > 0) logger.warn("Work of a process that died was found.", { ...interrupted });
    const close = async (): Promise<void> => {
      await shared.events.close();
      await storage.close();
    };
    return { sessions, storage, shared, close };
  } catch (error) {
    await storage.close();
    throw error;
  }
}

/** The keeper's program lies beside the built one; run from its sources, the program does the keeper's work itself. */
function keeper(): { keeper?: URL } {
  return import.meta.url.endsWith(".ts") ? {} : { keeper: new URL("record-keeper.js", import.meta.url) };
}
