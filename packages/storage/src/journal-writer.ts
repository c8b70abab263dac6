/**
 * This process's own journal: segments in the journal folder, appended one line at a time.
 *
 * - J1  An append is one write to one file and nothing else: when it returns, the line survives the death of the process.
 * - J2  A line is there whole or not at all: what a full disk took only a part of is cut off again.
 * - J3  A line is brought to the disk by an fdatasync that begins at most {@link SYNC_AFTER_MS} after it.
 * - J4  A segment on which a write, a cut or an fdatasync failed gets no further line: the next append begins another.
 * - J5  Segments are numbered in the order of their making. That one with a higher number is there says that a lower
 *       one is complete.
 * - J6  No timer keeps the process alive.
 */
import { randomBytes } from "node:crypto";
import { closeSync, fdatasync, fstatSync, ftruncateSync, openSync, statSync, writeSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import type { Logger } from "@container-kit/observability";
import { fail } from "./errors.ts";
import { failpoint } from "./failpoint.ts";
import { makeFolder, ONLY_THIS_USER, syncFolderSoon } from "./files.ts";
import { HolderLock } from "./holder.ts";
import { describeOwner, segmentName } from "./journal-folder.ts";
import { formatLine } from "./journal-line.ts";
import { toStoreError } from "./store-error.ts";

/** Half of the 50 ms that a power cut may cost: the other half is for the disk. */
const SYNC_AFTER_MS = 25;
const SEGMENT_BYTES = 8 * 1024 * 1024;
const syncData = promisify(fdatasync);

/** How a journal is written. */
export interface JournalWriterOptions {
  readonly folder: string;
  readonly logger: Logger;
  /** Called a moment after lines were appended, off the path of any call. */
  readonly onSync?: () => void;
}

interface Segment {
  readonly file: string;
  readonly descriptor: number;
  readonly inode: number;
  size: number;
  unsynced: boolean;
  /** Whether the folder is known to hold its name on the disk. */
  named: boolean;
}

/** Appends lines; one per open store. */
export class JournalWriter {
  /** What begins the names of all its segments. */
  readonly id = randomBytes(8).toString("hex");
  /** Shows others that this store is open here. */
  readonly lock: HolderLock;
  readonly #options: JournalWriterOptions;
  readonly #left: Segment[] = [];
  #current: Segment | undefined;
  #made = 0;
  #timer: NodeJS.Timeout | undefined;
  #syncing: Promise<void> | undefined;
  #failure: string | undefined;
  #closed = false;
  #appended = 0;
  #lost: Error | undefined;

  constructor(options: JournalWriterOptions) {
    this.#options = options;
    this.lock = new HolderLock(options.folder, this.id);
  }

  /** Bytes since the store was opened. */
  get appended(): number {
    return this.#appended;
  }

  /** What went wrong since the store was opened and may have cost the safety of lines; one sentence. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** @throws STORE_FULL STORE_UNAVAILABLE */
  append(kind: string, body: string): void {
    failpoint("journal.append.before");
    this.#tellLoss();
    const segment = this.#segment();
    this.#write(segment, formatLine(kind, body));
    failpoint("journal.append.after");
    if (!segment.unsynced) {
      segment.unsynced = true;
      this.#syncSoon();
    }
  }

  /** Looks whether the segment is still the one of its name; if not, the next append is refused, and the one after begins another. */
  look(): void {
    const segment = this.#current;
    if (segment === undefined || inodeOf(segment.file) === segment.inode) return;
    this.#leave(segment);
    const message = `${segment.file} was removed or replaced while in use`;
    this.#failure = `${message}: what was recorded last may be lost`;
    this.#lost = fail("STORE_UNAVAILABLE", message, { details: { file: segment.file } });
  }

  /** Brings all lines to the disk and closes; nothing is appended afterwards. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#closed = true;
    await this.#syncing;
    if (this.#current !== undefined) this.#leave(this.#current);
    await this.#sync();
    this.lock.release();
  }

  #tellLoss(): void {
    const lost = this.#lost;
    if (lost === undefined) return;
    this.#lost = undefined;
    throw lost;
  }

  #segment(): Segment {
    const current = this.#current;
    if (current !== undefined && current.size < SEGMENT_BYTES) return current;
    if (current !== undefined) this.#leave(current);
    failpoint("journal.rotate");
    return (this.#current = this.#begin());
  }

  #begin(): Segment {
    const file = path.join(this.#options.folder, segmentName(this.id, this.#made + 1));
    try {
      makeFolder(this.#options.folder);
      this.lock.take();
      const descriptor = openSync(file, "ax", ONLY_THIS_USER.file);
      this.#made += 1;
      const segment = { file, descriptor, inode: fstatSync(descriptor).ino, size: 0, unsynced: false, named: false };
      this.#current = segment;
      this.#write(segment, formatLine("header", JSON.stringify(describeOwner())));
      return segment;
    } catch (thrown) {
      throw toStoreError(thrown, file);
    }
  }

  #write(segment: Segment, line: string): void {
    try {
      const length = Buffer.byteLength(line);
      const written = writeSync(segment.descriptor, line);
      if (written < length) throw fullDisk(segment.file);
      segment.size += length;
      this.#appended += length;
    } catch (thrown) {
      const error = toStoreError(thrown, segment.file);
      // A header that is not whole leaves a file that nobody could ascribe to this process.
      if (segment.size === 0 || !this.#cutBack(segment) || error.code !== "STORE_FULL") this.#leave(segment);
      throw error;
    }
  }

  #cutBack({ descriptor, size, file }: Segment): boolean {
    try {
      ftruncateSync(descriptor, size);
      return true;
    } catch (error) {
      this.#options.logger.warn("a line that was written in part could not be cut off", { file, error });
      return false;
    }
  }

  #leave(segment: Segment): void {
    if (this.#current === segment) this.#current = undefined;
    this.#left.push(segment);
    this.#syncSoon();
  }

  #syncSoon(): void {
    if (this.#timer !== undefined || this.#syncing !== undefined || this.#closed) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#options.onSync?.();
      this.#syncing = this.#sync().finally(() => {
        this.#syncing = undefined;
        if (this.#current?.unsynced === true || this.#left.length > 0) this.#syncSoon();
      });
    }, SYNC_AFTER_MS).unref();
  }

  async #sync(): Promise<void> {
    const left = this.#left.splice(0);
    for (const segment of left) {
      await this.#syncOne(segment);
      closeSync(segment.descriptor);
    }
    if (this.#current?.unsynced === true) await this.#syncOne(this.#current);
  }

  async #syncOne(segment: Segment): Promise<void> {
    if (!segment.unsynced) return;
    segment.unsynced = false;
    try {
      await syncData(segment.descriptor);
    } catch (error) {
      this.#options.logger.error("a journal could not be synced to the disk", { file: segment.file, error });
      // The kernel may have dropped the pages and forgotten it: a second sync would say yes to lost bytes.
      this.#failure = `${segment.file} could not be brought to the disk: a power cut may cost what it holds`;
      if (this.#current === segment) this.#leave(segment);
    }
    if (!segment.named) await this.#syncName(segment);
  }

  async #syncName(segment: Segment): Promise<void> {
    try {
      await syncFolderSoon(this.#options.folder);
      segment.named = true;
    } catch (error) {
      // Tried again with the next lines, if the folder is still there.
      this.#options.logger.warn("the folder of the journals could not be synced to the disk", { error });
      this.look();
    }
  }
}

function inodeOf(file: string): number | undefined {
  try {
    return statSync(file).ino;
  } catch {
    // Whatever keeps it from being looked at keeps others from reading what would be written.
    return undefined;
  }
}

function fullDisk(file: string): Error {
  return Object.assign(new Error("ENOSPC: no space left on device, write"), {
    code: "ENOSPC",
    syscall: "write",
    path: file,
  });
}
