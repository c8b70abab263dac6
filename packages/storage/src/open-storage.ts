import { silentLogger } from "@container-kit/observability";
import type { Database as SqliteClient } from "better-sqlite3";
import { makeFolder } from "./files.ts";
import { parseStoreUrl } from "./location.ts";
import { applyMigrations, pendingMigrations } from "./migrate.ts";
import { openFile } from "./open-file.ts";
import { SqliteDatabase } from "./sqlite-database.ts";
import { toStoreError } from "./store-error.ts";
import type { PackageSchema, Storage, StorageOptions } from "./types.ts";
import { WalKeeper } from "./wal-keeper.ts";

const BUSY_TIMEOUT_MS = 5000;

/**
 * Opens the store at `sqlite:PATH`, making what is missing: the state file at PATH and the record beside it
 * (`state.db` and `state.record.db`), or `state.db` and `record.db` when PATH is a folder or ends in a slash.
 * Each file is checked first, which takes longer the larger it is.
 *
 * @throws STORE_CORRUPT when a file is damaged: it has been set aside, and the next start begins a new one.
 * STORE_UNAVAILABLE when a file cannot be opened, is not ours or is newer than this program: it was not touched.
 * STORE_BUSY STORE_FULL INVALID_INPUT UNSUPPORTED
 */
export async function openStorage(url: string, options: StorageOptions = {}): Promise<Storage> {
  const { busyTimeoutMs = BUSY_TIMEOUT_MS, logger = silentLogger, clock = Date.now } = options;
  const location = parseStoreUrl(url);
  try {
    makeFolder(location.folder);
  } catch (thrown) {
    throw toStoreError(thrown, location.folder);
  }
  const stateClient = openFile(location.state, { synchronous: "FULL", busyTimeoutMs, clock });
  const recordClient = openOrClose(stateClient, () =>
    openFile(location.record, { synchronous: "NORMAL", busyTimeoutMs, clock }),
  );
  const keeper = new WalKeeper(recordClient, logger);
  const state = new SqliteDatabase(stateClient, { waitsForDisk: true, busyTimeoutMs, logger });
  const record = new SqliteDatabase(recordClient, {
    waitsForDisk: false,
    busyTimeoutMs,
    logger,
    onCommit: () => keeper.committed(),
  });
  let closing: Promise<void> | undefined;
  return {
    state,
    record,
    folder: location.folder,
    migrate: (schema) => migrate({ state: stateClient, record: recordClient }, schema, { busyTimeoutMs, clock }),
    close: () => (closing ??= closeBoth(state, record, keeper)),
  };
}

function openOrClose(first: SqliteClient, open: () => SqliteClient): SqliteClient {
  try {
    return open();
  } catch (thrown) {
    first.close();
    throw thrown;
  }
}

async function closeBoth(state: SqliteDatabase, record: SqliteDatabase, keeper: WalKeeper): Promise<void> {
  await keeper.close();
  await Promise.all([state.close(), record.close()]);
}

function migrate(
  clients: { readonly state: SqliteClient; readonly record: SqliteClient },
  schema: PackageSchema,
  { busyTimeoutMs, clock }: { readonly busyTimeoutMs: number; readonly clock: () => number },
): void {
  const plans = [
    { client: clients.state, package: schema.package, migrations: schema.state },
    { client: clients.record, package: schema.package, migrations: schema.record },
  ];
  // Both are looked at before either is changed: a refusal leaves both as they were.
  for (const plan of plans) waitingLonger(plan.client, busyTimeoutMs, () => pendingMigrations(plan));
  for (const plan of plans) waitingLonger(plan.client, busyTimeoutMs, () => applyMigrations(plan, clock()));
}

/** At the start nothing else runs, so that the whole wait may be SQLite's own. */
function waitingLonger(client: SqliteClient, busyTimeoutMs: number, work: () => void): void {
  const usual: unknown = client.pragma("busy_timeout", { simple: true });
  try {
    client.pragma(`busy_timeout = ${busyTimeoutMs}`);
    work();
  } catch (thrown) {
    throw toStoreError(thrown, client.name);
  } finally {
    if (client.open) client.pragma(`busy_timeout = ${Number(usual)}`);
  }
}
