/**
 * Removes the journals that nobody needs any more.
 *
 * - H1  A segment is deleted only when it is complete, all of it is in the tables, and the record's own log has been
 *       brought to the disk: a power cut finds the line or the row.
 * - H2  What is known of a deleted segment is forgotten only when its deletion is on the disk: if it came back, its
 *       lines would be applied again.
 * - H3  Only the log of the record is opened, once: closing a second descriptor of the file itself would drop SQLite's
 *       locks.
 */
import { closeSync, existsSync, fdatasync, openSync, rmSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import type { Database as SqliteClient } from "better-sqlite3";
import { failpoint } from "./failpoint.ts";
import { syncFolderSoon } from "./files.ts";
import { listLocks, removeUnlessHeld } from "./holder.ts";
import { listSegments, readSegment, sizeOf } from "./journal-folder.ts";
import type { SegmentFile, SegmentOwners } from "./journal-folder.ts";
import { openOffsets } from "./journal-offsets.ts";
import type { Offsets } from "./journal-offsets.ts";

const syncData = promisify(fdatasync);

/** Works on one connection to the record. */
export class JournalCleaner {
  readonly #client: SqliteClient;
  readonly #folder: string;
  readonly #owners: SegmentOwners;
  readonly #offsets: Offsets;
  /** The locks without a journal that were looked at: they are not asked after each time. */
  #asked: ReadonlySet<string> = new Set();
  #log: number | undefined;

  constructor(client: SqliteClient, folder: string, owners: SegmentOwners) {
    this.#client = client;
    this.#folder = folder;
    this.#owners = owners;
    this.#offsets = openOffsets(client);
  }

  /** Deletes the segments that are complete and in the tables, and forgets those that are gone. */
  async clean(): Promise<void> {
    const segments = listSegments(this.#folder);
    const finished = segments.filter((segment) => this.#isFinished(segment, segments));
    if (finished.length > 0) {
      await this.#syncLog();
      failpoint("ingest.synced");
      for (const { file } of finished) rmSync(file, { force: true });
      failpoint("ingest.deleted");
    }
    this.#owners.forgetOthers(segments);
    this.#removeLocks(segments.filter((segment) => !finished.includes(segment)));
    const gone = this.#offsets.names().filter((name) => !existsSync(path.join(this.#folder, name)));
    if (gone.length === 0) return;
    if (existsSync(this.#folder)) await syncFolderSoon(this.#folder);
    this.#client.transaction(() => gone.forEach((name) => this.#offsets.forget(name))).immediate();
  }

  /** To be called when the connection has been closed (H3). */
  close(): void {
    if (this.#log !== undefined) closeSync(this.#log);
    this.#log = undefined;
  }

  #isFinished(segment: SegmentFile, all: readonly SegmentFile[]): boolean {
    // Asked in this order: the size of a file that still grows says nothing.
    if (!this.#owners.isSealed(segment, all) || !this.#owners.isReadable(segment)) return false;
    const size = sizeOf(segment.file);
    if (size === undefined) return false;
    const offset = this.#offsets.get(segment.name);
    if (offset >= size) return true;
    // Left is at most a torn line: its writer died over it, and it was never acknowledged.
    const rest = readSegment(segment.file, offset, size - offset);
    return rest !== undefined && !rest.includes("\n");
  }

  /** A process that was killed leaves its lock; nobody asks after it when nothing else is left. */
  #removeLocks(segments: readonly SegmentFile[]): void {
    if (!existsSync(this.#folder)) return;
    const used = new Set(segments.map(({ journal }) => journal));
    const left = listLocks(this.#folder).filter((journal) => !used.has(journal) && !this.#owners.isOwn(journal));
    for (const journal of left) if (!this.#asked.has(journal)) removeUnlessHeld(this.#folder, journal);
    this.#asked = new Set(left);
  }

  async #syncLog(): Promise<void> {
    this.#log ??= openSync(`${this.#client.name}-wal`, "r");
    await syncData(this.#log);
  }
}
