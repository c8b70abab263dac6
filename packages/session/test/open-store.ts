import { openStorage } from "@container-kit/storage";
import type { Storage } from "@container-kit/storage";
import { afterEach } from "vitest";
import { createSessionStore } from "../src/index.ts";
import type { SessionStore, SessionStoreOptions, StartedExecution } from "../src/index.ts";

/** A store on a folder, with what a test needs to see behind it. */
export interface OpenedStore {
  readonly store: SessionStore;
  readonly storage: Storage;
}

const opened: Storage[] = [];

/** Opens a store, which is closed after the test. */
export async function openStore(folder: string, options: SessionStoreOptions = {}): Promise<OpenedStore> {
  const { clock } = options;
  // The same clock for both, or a test's past would be pruned as old.
  const storage = await openStorage(`sqlite:${folder}/`, clock === undefined ? {} : { clock });
  opened.push(storage);
  return { storage, store: createSessionStore(storage, options) };
}

afterEach(async () => {
  for (const storage of opened.splice(0)) await storage.close();
});

/** Begins an execution of which only some things matter. */
export function begin(
  store: SessionStore,
  sessionId: string,
  { tool = "push_image", job = false }: { readonly tool?: string; readonly job?: boolean } = {},
): Promise<StartedExecution> {
  return store.startExecution({
    sessionId,
    tool,
    correlationId: "cor_1",
    dryRun: true,
    input: { image: "a:1" },
    job,
  });
}
