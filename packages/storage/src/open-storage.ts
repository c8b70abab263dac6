import { statSync } from "node:fs";
import { isKitError } from "@container-kit/errors";
import { silentLogger } from "@container-kit/observability";
import type { Database as SqliteClient } from "better-sqlite3";
import { makeBackup } from "./backup.ts";
import { hasRoom, releaseBallast } from "./ballast.ts";
import { listBackupsIn } from "./backup-folder.ts";
import { CertainTime, seeAtStart } from "./certain-time.ts";
import { refuseNetworkFileSystem } from "./file-system.ts";
import type { FileSystemKind } from "./file-system.ts";
import { makeFolder } from "./files.ts";
import { createHealth } from "./health.ts";
import { isHolding } from "./holder.ts";
import { findNewerJournal } from "./journal-folder.ts";
import { parseStoreUrl, STORE_FILES } from "./location.ts";
import type { StoreFile, StoreLocation } from "./location.ts";
import { applyMigrations, pendingMigrations } from "./migrate.ts";
import { connect, newerThanThis, openFile, recheck } from "./open-file.ts";
import type { OpenFileOptions } from "./open-file.ts";
import { JournaledRecord } from "./record-log.ts";
import { SharedSqliteDatabase } from "./shared-database.ts";
import { SqliteDatabase } from "./sqlite-database.ts";
import type { DatabaseOptions } from "./sqlite-database.ts";
import { toStoreError } from "./store-error.ts";
import { StoreGuard } from "./store-guard.ts";
import type { PackageSchema, Storage, StorageOptions } from "./types.ts";

const BUSY_TIMEOUT_MS = 5000;

/** What a test puts in the place of the system. */
export interface SystemFaults {
  readonly fileSystemKind?: FileSystemKind;
}

/**
 * Opens the store at `sqlite:PATH`, making what is missing: the state file at PATH, the others and the journals beside it
 * (`kit.db`, `kit.record.db`, `kit.shared.db`, `kit.journal/`), or `state.db`, `record.db`, `shared.db` and `journal/` when
 * PATH is a folder or ends in a slash. Files are checked first; large ones are read through later, by the keeper.
 *
 * @throws STORE_CORRUPT when a file is damaged: it has been set aside, and the next start begins a new one.
 * STORE_UNAVAILABLE when a file cannot be opened, is not ours, is newer than this program or lies on a network file
 * system: it was not touched. STORE_BUSY STORE_FULL INVALID_INPUT UNSUPPORTED
 */
export function openStorage(url: string, options: StorageOptions = {}): Promise<Storage> {
  return openStorageWith(url, options, {});
}

/** As {@link openStorage}, on a system of the caller's making. */
export async function openStorageWith(url: string, options: StorageOptions, faults: SystemFaults): Promise<Storage> {
  const { busyTimeoutMs = BUSY_TIMEOUT_MS, logger = silentLogger, clock = Date.now, retention = {} } = options;
  const location = parseStoreUrl(url);
  prepareFolder(location, options.allowNetworkFileSystem === true, faults);
  const before = lastUse(location);
  const how = { busyTimeoutMs, clock, backups: location.backups, kept: options.keeper !== undefined };
  const clients = openOnFullDisk(location, () => openAll(location, how));
  const time = new CertainTime(seeAtStart(clients.record, clock(), before), clock);
  const guard = new StoreGuard(location, logger);
  const record = new JournaledRecord({
    client: clients.record,
    connect: () => connect(location.record, { ...how, part: "record" }),
    location,
    guard,
    busyTimeoutMs,
    logger,
    retention,
    clock,
    time,
    keeper: options.keeper,
  });
  const driven = (part: StoreFile): DatabaseOptions => ({
    busyTimeoutMs,
    logger,
    guard,
    recheck: () => recheck(location[part], busyTimeoutMs),
    onCommit: () => record.committed(),
  });
  const state = new SqliteDatabase(clients.state, driven("state"));
  const shared = new SharedSqliteDatabase(clients.shared, driven("shared"));
  let closing: Promise<void> | undefined;
  return {
    state,
    record,
    shared,
    folder: location.folder,
    migrate(schema) {
      migrate(clients, schema, { busyTimeoutMs, clock });
      if (schema.projection !== undefined) record.register(schema.projection);
    },
    holder: () => record.holder(),
    isHolding: (holder) => isHolding(location.journal, holder),
    certainTime: () => time.at(clock()),
    health: createHealth({
      location,
      guard,
      record,
      client: clients.record,
      problems: () => [...record.problems(), ...shared.problems()],
    }),
    async backup(backupOptions = {}) {
      record.admit();
      await record.catchUp();
      return makeBackup({ ...backupOptions, location, now: clock() });
    },
    backups: () => listBackupsIn(location.backups),
    close: () => (closing ??= closeAll([record, state, shared, guard])),
  };
}

function prepareFolder({ folder, journal }: StoreLocation, anyFileSystem: boolean, faults: SystemFaults): void {
  try {
    makeFolder(folder);
    if (!anyFileSystem) refuseNetworkFileSystem(folder, faults.fileSystemKind);
    const newer = findNewerJournal(journal);
    if (newer !== undefined) throw newerThanThis(newer, "a later format of journals");
  } catch (thrown) {
    throw toStoreError(thrown, folder);
  }
}

/** When the files were written last; undefined when there are none yet. */
function lastUse({ record }: StoreLocation): number | undefined {
  const times = [record, `${record}-wal`].flatMap((file) => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? []);
  return times.length === 0 ? undefined : Math.max(...times);
}

type HowToOpen = Omit<OpenFileOptions, "part">;

type Clients = Readonly<Record<StoreFile, SqliteClient>>;

function openAll(location: StoreLocation, how: HowToOpen): Clients {
  const opened: SqliteClient[] = [];
  const open = (part: StoreFile): SqliteClient => {
    const client = openFile(location[part], { ...how, part });
    opened.push(client);
    return client;
  };
  try {
    return { state: open("state"), record: open("record"), shared: open("shared") };
  } catch (thrown) {
    for (const client of opened) client.close();
    throw thrown;
  }
}

/** Also a start needs some room: that of the ballast, if the disk has no other. */
function openOnFullDisk({ folder, ballast }: StoreLocation, open: () => Clients): Clients {
  try {
    return open();
  } catch (thrown) {
    const forWantOfRoom = isKitError(thrown) && thrown.code !== "STORE_CORRUPT" && !hasRoom(folder, ballast);
    if (!forWantOfRoom || !releaseBallast(ballast)) throw thrown;
    return open();
  }
}

async function closeAll(parts: readonly { close(): Promise<void> }[]): Promise<void> {
  // One after the other. The keeper, which goes with the record, has all files open: it goes first, so that the last
  // connection of each is one of this thread.
  for (const part of parts) await part.close();
}

function migrate(
  clients: Clients,
  schema: PackageSchema,
  { busyTimeoutMs, clock }: { readonly busyTimeoutMs: number; readonly clock: () => number },
): void {
  const plans = STORE_FILES.map((part) => ({
    client: clients[part],
    package: schema.package,
    migrations: schema[part] ?? [],
  }));
  // All are looked at before any is changed: a refusal leaves all as they were.
  const pending = plans.map((plan) => waitingLonger(plan.client, busyTimeoutMs, () => pendingMigrations(plan)));
  plans.forEach((plan, index) => {
    if (pending[index]?.length === 0) return;
    waitingLonger(plan.client, busyTimeoutMs, () => applyMigrations(plan, clock()));
  });
}

/** At the start nothing else runs, so that the whole wait may be SQLite's own. */
function waitingLonger<Result>(client: SqliteClient, busyTimeoutMs: number, work: () => Result): Result {
  const usual = ["busy_timeout", "query_only"].map((pragma) => Number(client.pragma(pragma, { simple: true })));
  try {
    client.pragma(`busy_timeout = ${busyTimeoutMs}`);
    client.pragma("query_only = OFF");
    return work();
  } catch (thrown) {
    throw toStoreError(thrown, client.name);
  } finally {
    if (client.open) {
      client.pragma(`busy_timeout = ${usual[0] ?? 0}`);
      client.pragma(`query_only = ${usual[1] ?? 0}`);
    }
  }
}
