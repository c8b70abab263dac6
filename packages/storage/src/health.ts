import { hasOffsets, openOffsets } from "./journal-offsets.ts";
import type { Offsets } from "./journal-offsets.ts";
import { listSegments, sizeOf } from "./journal-folder.ts";
import type { StoreLocation } from "./location.ts";
import type { JournaledRecord } from "./record-log.ts";
import type { StoreGuard } from "./store-guard.ts";
import type { StorageHealth } from "./types.ts";
import type { Database as SqliteClient } from "better-sqlite3";

/** A log or a backlog that is longer than this is not being worked off. */
const TOO_LONG_BYTES = 64 * 1024 * 1024;
const UNKNOWN = { bytes: { state: 0, record: 0, journal: 0, log: 0 }, behind: 0 } as const;
const STATUS = { ok: "ok", full: "readOnly", gone: "unavailable", failing: "unavailable" } as const;

/** What is looked at. */
export interface HealthSources {
  readonly location: StoreLocation;
  readonly guard: StoreGuard;
  readonly record: JournaledRecord;
  /** The connection of the record that answers queries. */
  readonly client: SqliteClient;
}

/** Makes the function that says how a store fares. */
export function createHealth({ location, guard, record, client }: HealthSources): () => StorageHealth {
  let offsets: Offsets | undefined;
  const measure = (): Pick<StorageHealth, "bytes" | "behind"> => {
    if (offsets === undefined && client.open && hasOffsets(client)) offsets = openOffsets(client);
    const segments = listSegments(location.journal).map(({ name, file }) => ({ name, size: sizeOf(file) ?? 0 }));
    const waiting = segments.map(({ name, size }) => Math.max(0, size - (offsets?.get(name) ?? 0)));
    return {
      bytes: {
        state: bytesOf(location.state),
        record: bytesOf(location.record),
        journal: sum(segments.map(({ size }) => size)),
        log: bytesOf(`${location.state}-wal`) + bytesOf(`${location.record}-wal`),
      },
      behind: sum(waiting),
    };
  };
  return () => {
    const reasons = [...(guard.state === "ok" ? [] : [guard.reason]), ...record.problems()];
    const { bytes, behind } = measureOrSay(() => record.read(measure), reasons);
    if (bytes.log > TOO_LONG_BYTES)
      reasons.push("the write-ahead logs are over 64 MiB: end the process that reads for so long");
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
