import type { Storage } from "@container-kit/storage";
import { createClocks } from "./clocks.ts";
import type { Clocks } from "./clocks.ts";
import { createDeletion } from "./deletion.ts";
import type { Deletion } from "./deletion.ts";
import { createExecutions } from "./executions.ts";
import type { Executions } from "./executions.ts";
import { createFolders } from "./folders.ts";
import type { Folders } from "./folders.ts";
import { createHistory } from "./history.ts";
import type { History } from "./history.ts";
import { createIdempotencyKeys } from "./idempotency.ts";
import type { IdempotencyKeys } from "./idempotency.ts";
import { createJobs } from "./jobs.ts";
import type { Jobs } from "./jobs.ts";
import { createOwners } from "./owners.ts";
import type { Owners } from "./owners.ts";
import { createSessions } from "./sessions.ts";
import type { Sessions } from "./sessions.ts";
import { createAnalytics } from "./statistics.ts";
import type { Analytics } from "./statistics.ts";
import type { SessionCompanion, SessionStoreOptions } from "./types.ts";
import { createUndoNotes } from "./undo.ts";
import type { UndoNotes } from "./undo.ts";

/** The parts of one store, each on its own tables. */
export interface Parts {
  readonly storage: Storage;
  readonly clocks: Clocks;
  readonly owners: Owners;
  readonly sessions: Sessions;
  readonly jobs: Jobs;
  readonly executions: Executions;
  readonly history: History;
  readonly analytics: Analytics;
  readonly keys: IdempotencyKeys;
  readonly undo: UndoNotes;
  readonly folders: Folders;
  readonly deletion: Deletion;
  readonly companions: readonly SessionCompanion[];
}

/** On a storage that has been migrated. */
export function createParts(storage: Storage, options: SessionStoreOptions): Parts {
  const { state, record } = storage;
  const { companions = [] } = options;
  const clocks = createClocks(options);
  const owners = createOwners(storage);
  const sessions = createSessions(state, clocks, options.sessionLifetimeMs);
  const history = createHistory(record);
  const jobs = createJobs({
    state,
    owners,
    clocks,
    leaseMs: options.jobLeaseMs,
    hasSession: (id) => sessions.find(id) !== undefined,
    async endingsOf(ids) {
      if (ids.length === 0) return new Map();
      await record.catchUp();
      return history.endingsOf(ids);
    },
  });
  const undo = createUndoNotes(state, owners);
  const keys = createIdempotencyKeys(state, owners, undo);
  const folders = createFolders(storage.folder);
  return {
    storage,
    clocks,
    owners,
    sessions,
    jobs,
    history,
    keys,
    undo,
    folders,
    executions: createExecutions(record, clocks),
    analytics: createAnalytics(record, history),
    deletion: createDeletion({ storage, clocks, jobs, keys, history, folders, companions }),
    companions,
  };
}
