import { isKitError } from "@container-kit/errors";
import { eachAndThenThrow } from "./deletion.ts";
import { fail, quote } from "./errors.ts";
import { sizeOfTree } from "./folders.ts";
import type { Parts } from "./parts.ts";
import { DAY_MS } from "./summaries.ts";
import type { SessionStore } from "./types.ts";

const KEPT_AFTER_EXPIRY_MS = 30 * DAY_MS;
const KEYS_KEPT_MS = 7 * DAY_MS;
const PRUNED_AT_ONCE = 1000;

/** What keeps the store small: folders with a quota, deletion, and the removal of what expired long ago. */
export function createKeeping({
  storage,
  clocks,
  sessions,
  analytics,
  keys,
  folders,
  deletion,
}: Parts): Pick<SessionStore, "workspace" | "deleteSession" | "prune"> {
  return {
    async workspace(id) {
      const quotaBytes = sessions.quotaOf(id);
      const folder = await folders.makeSession(id);
      const usedBytes = await sizeOfTree(folder);
      if (usedBytes <= quotaBytes) return { folder, usedBytes, quotaBytes };
      throw fail("CONFLICT", `the workspace of session ${quote(id)} holds ${usedBytes} of ${quotaBytes} bytes`, {
        remedy: "Remove files from the session's folder, or open a session with a larger quota.",
        details: { sessionId: id, folder, usedBytes, quotaBytes },
      });
    },
    async deleteSession(id) {
      sessions.get(id);
      await storage.record.catchUp();
      const { executions } = analytics.summarize([id])(id);
      try {
        return { id, jobs: await deletion.remove(id), executions };
      } finally {
        sessions.forget(id);
      }
    },
    async prune({ keepMs = KEPT_AFTER_EXPIRY_MS, signal } = {}) {
      const pruned = { sessions: 0, keys: 0 };
      const now = Math.min(clocks.certain(), storage.certainTime());
      const removeOne = async (id: string): Promise<void> => {
        if (signal?.aborted !== true && (await removeUnlessBusy(id))) pruned.sessions += 1;
      };
      const steps = [
        () => deletion.finish(),
        () => eachAndThenThrow(sessions.listExpired(now - keepMs, PRUNED_AT_ONCE), removeOne),
        async () => {
          if (signal?.aborted !== true) pruned.keys = await keys.prune(now - KEYS_KEPT_MS);
        },
      ];
      // What cannot be removed now keeps nothing else.
      await eachAndThenThrow(steps, (step) => step());
      return pruned;
    },
  };

  async function removeUnlessBusy(id: string): Promise<boolean> {
    try {
      await deletion.remove(id);
      return true;
    } catch (error) {
      // A job of it runs still: it goes another time.
      if (isKitError(error, "CONFLICT")) return false;
      throw error;
    }
  }
}
