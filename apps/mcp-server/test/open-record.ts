import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createEventBus } from "@container-kit/context-sharing";
import type { EventBus } from "@container-kit/context-sharing";
import { createSessionStore } from "@container-kit/session";
import type { SessionStore } from "@container-kit/session";
import { openStorage } from "@container-kit/storage";

/** A real record in a folder of its own. */
export async function openRecord(): Promise<{
  sessions: SessionStore;
  events: EventBus;
  folder: string;
  close(): Promise<void>;
}> {
  const folder = await mkdtemp(join(tmpdir(), "container-kit-record-"));
  const storage = await openStorage(`sqlite:${join(folder, "state.db")}`);
  const events = createEventBus(storage);
  return {
    events,
    sessions: createSessionStore(storage),
    folder,
    async close() {
      await events.close();
      await storage.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
