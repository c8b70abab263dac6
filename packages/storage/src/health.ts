import { hasOffsets, openOffsets } from "./journal-offsets.ts";
import type { Offsets } from "./journal-offsets.ts";
import { listSegments, sizeOf } from "./journal-folder.ts";
import { STORE_FILES } from "./location.ts";
import type { StoreLocation } from "./location.ts";
import type { StoreGuard } from "./store-guard.ts";
import type { RecordLog, StorageHealth } from "./types.ts";
import type { Database as SqliteClient } from "better-sqlite3";

/** A log or a backlog that is longer than this is not being worked off. */
const TOO_LONG_BYTES = 64 * 1024 * 1024;
const UNKNOWN = { bytes: { state: 0, record: 0, shared: 0, journal: 0, log: 0 }, behind: 0 } as const;
const STATUS = { ok: "ok", full: "readOnly", gone: "unavailable", failing: "unavailable" } as const;

/** What is looked at. */
export interface HealthSources {
  readonly location: StoreLocation;
  readonly guard: StoreGuard;
  readonly record: Pick<RecordLog, "read">;
  /** The connection of the record that answers queries. */
  readonly client: SqliteClient;
  /** What is not as it should be; one sentence each. */
  readonly problems: () => readonly string[];
}

/** Makes the function that says how a store fares. */
export function createHealth({ location, guard, record, client, problems }: HealthSources): () => StorageHealth {
  let offsets: Offsets | undefined;
  const logs = (): readonly number[] => STORE_FILES.map((part) => bytesOf(`${location[part]}-wal`));
  const measure = (): Pick<StorageHealth, "bytes" | "behind"> => {
    if (offsets === undefined && client.open && hasOffsets(client)) offsets = openOffsets(client);
    const segments = listSegments(location.journal).map(({ name, file }) => ({ name, size: sizeOf(file) ?? 0 }));
    const waiting = segments.map(({ name, size }) => Math.max(0, size - (offsets?.get(name) ?? 0)));
    return {
      bytes: {
        state: bytesOf(location.state),
        record: bytesOf(location.record),
        shared: bytesOf(location.shared),
        journal: sum(segments.map(({ size }) => size)),
        log: sum(logs()),
      },
      behind: sum(waiting),
    };
  };
  return () => {
    const reasons = [...(guard.state === "ok" ? [] : [guard.reason]), ...problems()];
    const { bytes, behind } = measureOrSay(() => record.read(measure), reasons);
    if (bytes.log > TOO_LONG_BYTES && logs().some((size) => size > TOO_LONG_BYTES))
      reasons.push("a write-ahead log is over 64 MiB: end the process that reads for so long");
    if (behind > TOO_LONG_BYTES) reasons.push("over 64 MiB of the journals wait to be brought into the tables");
    const status = guard.state === "ok" && reasons.length > 0 ? "degraded" : STATUS[guard.state];
    return { status, reasons, bytes, behind };
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

/** Health that cannot be measured is no error of who asks for it. */
function measureOrSay<Measured>(measure: () => Measured, reasons: string[]): Measured | typeof UNKNOWN {
  try {
    return measure();
  } catch (thrown) {
    reasons.push(`the files of the store cannot be looked at: ${(thrown as Error).message}`);
    return UNKNOWN;
  }
}

function bytesOf(file: string): number {
  return sizeOf(file) ?? 0;
}
