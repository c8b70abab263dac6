/**
 * Brings the lines of journals into the tables of the record.
 *
 * - I1  Each line is applied once, whoever does it and whoever dies over it: how far a segment has been read is stored
 *       in the transaction that applies what was read, and looked up under its write lock.
 * - I2  A line that cannot be read or applied is skipped, counted and told; the others go on.
 * - I3  A line of a package that has tables here but no projection in this program is left, with what follows it, to
 *       the program that has one.
 * - I4  Once a newer program has migrated the tables, this one writes none of them: it would take what it cannot apply
 *       for rubbish. The lines wait for the newer one.
 */
import type { Logger } from "@container-kit/observability";
import type { Database as SqliteClient, Transaction } from "better-sqlite3";
import { drizzle } from "drizzle-orm/better-sqlite3";
import { failpoint } from "./failpoint.ts";
import { listSegments, readSegment, sizeOf } from "./journal-folder.ts";
import type { SegmentFile, SegmentOwners } from "./journal-folder.ts";
import { parseLines } from "./journal-line.ts";
import { openOffsets } from "./journal-offsets.ts";
import type { Offsets } from "./journal-offsets.ts";
import { appliedPackages, appliedSteps } from "./ledger.ts";
import { newerThanThis } from "./open-file.ts";
import { isMediumError } from "./store-error.ts";
import type { JournalEntry, OpenProjection, Projection } from "./types.ts";

/** How much one transaction takes. */
export interface IngestLimits {
  readonly bytes: number;
  readonly lines: number;
}

/** A segment of which something may not be in the tables yet. */
export interface Backlog {
  readonly segment: SegmentFile;
  /** Its size when it was looked at. */
  readonly size: number;
  readonly offset: number;
}

/** What was skipped since this ingester was made. */
export interface SkippedLines {
  readonly damaged: number;
  readonly unknown: number;
  readonly refused: number;
}

/** What an ingester works on. */
export interface IngesterOptions {
  /** Its own connection to the record. */
  readonly client: SqliteClient;
  readonly folder: string;
  /** The journal of this process. */
  readonly ownJournal: string;
  readonly owners: SegmentOwners;
  readonly logger: Logger;
}

/** Works on one connection, in one thread. */
export class Ingester {
  readonly #options: IngesterOptions;
  readonly #projections = new Map<string, OpenProjection>();
  readonly #transaction: Transaction<(work: () => unknown) => unknown>;
  readonly #offsets: Offsets;
  readonly #skipped = { damaged: 0, unknown: 0, refused: 0 };
  readonly #told = new Set<string>();
  /** By journal: the segment that this program cannot go on with, and where (I3). */
  readonly #stuck = new Map<string, Pick<Backlog, "segment" | "offset">>();
  /** By package: the migrations that its projection was written for. */
  readonly #steps = new Map<string, readonly string[]>();
  /** The schema of the file that was last found to be known. */
  #schema: unknown;

  constructor(options: IngesterOptions) {
    const { client } = options;
    this.#options = options;
    this.#transaction = client.transaction((work: () => unknown) => work());
    this.#offsets = openOffsets(client);
  }

  /** What was skipped so far. */
  get skipped(): SkippedLines {
    return this.#skipped;
  }

  /** Gives the entries of a package to its projection from now on. */
  register(projection: Projection): void {
    const statements = drizzle({ client: this.#options.client });
    const { package: name, steps } = projection;
    if (steps !== undefined) this.#steps.set(name, steps);
    this.#schema = undefined;
    this.#assertKnown();
    this.#projections.set(name, projection.open({ statements }));
    this.#stuck.clear();
  }

  /** The projections that are registered, by package. */
  get projections(): ReadonlyMap<string, OpenProjection> {
    return this.#projections;
  }

  /** What is not in the tables yet. @param all also the journals of other living processes */
  backlog(all: boolean): readonly Backlog[] {
    const { owners, ownJournal } = this.#options;
    const segments = listSegments(this.#options.folder);
    return segments.flatMap((segment) => {
      const mine = segment.journal === ownJournal;
      if (!all && !mine && !owners.isSealed(segment, segments)) return [];
      const size = sizeOf(segment.file) ?? 0;
      const offset = this.#offsets.get(segment.name);
      if (offset >= size || this.#isStuck(segment) || !owners.isReadable(segment)) return [];
      return [{ segment, size, offset }];
    });
  }

  /** Brings in the next lines of one segment, in one transaction; says where it is now. */
  step(segment: SegmentFile, limits: IngestLimits): number {
    const offset = this.#transaction.immediate(() => this.#apply(segment, limits)) as number;
    failpoint("ingest.committed");
    return offset;
  }

  #apply(segment: SegmentFile, { bytes, lines }: IngestLimits): number {
    this.#assertKnown();
    const offset = this.#offsets.get(segment.name);
    if (this.#isStuck(segment)) return offset;
    const { entries, consumed, damaged } = this.#read(segment, offset, { bytes, lines });
    const left = this.#firstLeft(entries);
    const taken = left === -1 ? entries : entries.slice(0, left);
    const end = left === -1 ? consumed : (taken.at(-1)?.end ?? 0);
    if (left !== -1) this.#leave(segment, offset + end, packageOf(entries[left]));
    if (end === 0) return offset;
    if (damaged > 0) this.#skip("damaged", damaged, segment.file);
    for (const [name, run] of groupByPackage(taken)) this.#give(name, run, segment.file);
    this.#offsets.set(segment.name, offset + end);
    failpoint("ingest.applied");
    return offset + end;
  }

  /** @throws STORE_UNAVAILABLE (I4) */
  #assertKnown(): void {
    const { client } = this.#options;
    const schema = client.pragma("schema_version", { simple: true });
    if (schema === this.#schema) return;
    for (const [name, steps] of this.#steps) {
      const unknown = [...appliedSteps(client, name)].filter((id) => !steps.includes(id));
      if (unknown.length > 0) throw newerThanThis(client.name, `${name}: ${unknown.join(", ")}`);
    }
    this.#schema = schema;
  }

  #read(segment: SegmentFile, offset: number, { bytes, lines }: IngestLimits): ReturnType<typeof parseLines> {
    for (let length = bytes; ; length *= 4) {
      const chunk = readSegment(segment.file, offset, length);
      if (chunk === undefined) return { entries: [], consumed: 0, damaged: 0 };
      const parsed = parseLines(chunk, lines);
      // A line that is longer than the chunk; a chunk that is not full ends at the end of the file.
      if (parsed.consumed > 0 || chunk.length < length) return parsed;
    }
  }

  /** The place of the first entry that is left to another program (I3), or -1. */
  #firstLeft(entries: readonly JournalEntry[]): number {
    const isStrange = (entry: JournalEntry): boolean => isOfPackage(entry) && !this.#projections.has(packageOf(entry));
    if (!entries.some(isStrange)) return -1;
    const known = appliedPackages(this.#options.client);
    return entries.findIndex((entry) => isStrange(entry) && known.has(packageOf(entry)));
  }

  /** Whether it begins with, or follows after, what is left to another program that has not taken it yet. */
  #isStuck({ journal, number }: SegmentFile): boolean {
    const stuck = this.#stuck.get(journal);
    if (stuck === undefined || number < stuck.segment.number) return false;
    return this.#offsets.get(stuck.segment.name) === stuck.offset;
  }

  #leave(segment: SegmentFile, offset: number, name: string): void {
    this.#stuck.set(segment.journal, { segment, offset });
    if (this.#told.has(name)) return;
    this.#told.add(name);
    this.#options.logger.warn("entries of a package wait for a program that knows it", { package: name });
  }

  #give(name: string, entries: readonly JournalEntry[], file: string): void {
    const projection = this.#projections.get(name);
    if (projection === undefined) return this.#skip("unknown", entries.length, file);
    try {
      this.#transaction(() => projection.apply(entries));
    } catch (thrown) {
      if (isMediumError(thrown) || !this.#options.client.inTransaction) throw thrown;
      if (entries.length > 1) for (const entry of entries) this.#give(name, [entry], file);
      else this.#skip("refused", 1, file, thrown);
    }
  }

  #skip(why: keyof SkippedLines, count: number, file: string, error?: unknown): void {
    this.#skipped[why] += count;
    if (this.#told.has(why)) return;
    this.#told.add(why);
    this.#options.logger.warn("entries of a journal were skipped", { why, count, file, error });
  }
}

function isOfPackage({ kind }: JournalEntry): boolean {
  return kind.includes(":");
}

function packageOf(entry: JournalEntry | undefined): string {
  return entry?.kind.slice(0, entry.kind.indexOf(":")) ?? "";
}

/** Runs of entries of one package; lines that belong to the journal itself are left out. */
function groupByPackage(entries: readonly JournalEntry[]): ReadonlyMap<string, readonly JournalEntry[]> {
  const groups = new Map<string, JournalEntry[]>();
  for (const entry of entries) {
    if (!isOfPackage(entry)) continue;
    const name = packageOf(entry);
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [entry]);
    else group.push(entry);
  }
  return groups;
}
