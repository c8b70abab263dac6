/**
 * The folder in which all processes of a store keep their journals.
 *
 * - G1  A segment's first line says whose it is. Only who is certain that it gets no further line may call it sealed.
 * - G2  In doubt it is not sealed (holder.ts). One without a first line is its process's as long as its lock is held.
 * - G3  A segment of a newer format is left alone.
 */
import { closeSync, openSync, readdirSync, readSync, statSync } from "node:fs";
import path from "node:path";
import { isHolding, isLocked } from "./holder.ts";
import { parseLine } from "./journal-line.ts";
import { identifyProcess } from "./process-identity.ts";
import type { ProcessIdentity } from "./process-identity.ts";

const JOURNAL_FORMAT = 1;
const HEADER_BYTES = 512;
const NAME = /^([0-9a-f]{16})-(\d+)\.log$/;

interface SegmentOwner extends ProcessIdentity {
  readonly format: number;
}

/** One file of a journal. */
export interface SegmentFile {
  readonly name: string;
  readonly file: string;
  /** What all segments of one journal share. */
  readonly journal: string;
  readonly number: number;
}

/** The name of the n-th segment of a journal. */
export function segmentName(journal: string, number: number): string {
  return `${journal}-${number}.log`;
}

/** What the first line of this process's segments says. */
export function describeOwner(): SegmentOwner {
  return { format: JOURNAL_FORMAT, ...identifyProcess(process.pid) };
}

/** All segments, each journal's in their order. */
export function listSegments(folder: string): readonly SegmentFile[] {
  const segments: SegmentFile[] = [];
  for (const name of readNames(folder)) {
    const [, journal, number] = NAME.exec(name) ?? [];
    if (journal !== undefined) segments.push({ name, file: path.join(folder, name), journal, number: Number(number) });
  }
  return segments.sort((a, b) => a.journal.localeCompare(b.journal) || a.number - b.number);
}

/** A segment that this program cannot read, if there is one (G3). */
export function findNewerJournal(folder: string): string | undefined {
  return listSegments(folder).find(({ file }) => (readOwner(file)?.format ?? 0) > JOURNAL_FORMAT)?.file;
}

/** The bytes of a file, or undefined when it is gone. */
export function sizeOf(file: string): number | undefined {
  return statSync(file, { throwIfNoEntry: false })?.size;
}

/** Reads at most `length` bytes from `offset`; undefined when the file is gone. */
export function readSegment(file: string, offset: number, length: number): Buffer | undefined {
  let descriptor: number;
  try {
    descriptor = openSync(file, "r");
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw thrown;
  }
  try {
    const bytes = Buffer.allocUnsafe(length);
    return bytes.subarray(0, readSync(descriptor, bytes, 0, length, offset));
  } finally {
    closeSync(descriptor);
  }
}

/** Remembers whose the segments are, so that each header is read once. */
export class SegmentOwners {
  readonly #own: string;
  readonly #owners = new Map<string, SegmentOwner | undefined>();
  readonly #dead = new Set<string>();

  /** @param own the journal of this process */
  constructor(own: string) {
    this.#own = own;
  }

  isOwn(journal: string): boolean {
    return journal === this.#own;
  }

  /** This process appends no more. */
  closeOwn(): void {
    this.#dead.add(this.#own);
  }

  /** Forgets the journals of which nothing is left, so that a long life remembers no more than a short one. */
  forgetOthers(segments: readonly SegmentFile[]): void {
    const left = new Set(segments.map(({ journal }) => journal)).add(this.#own);
    for (const journal of this.#owners.keys()) if (!left.has(journal)) this.#owners.delete(journal);
    for (const journal of this.#dead) if (!left.has(journal)) this.#dead.delete(journal);
  }

  /** Whether who wrote it is gone for sure (G2). */
  isDead(segment: SegmentFile): boolean {
    if (this.#dead.has(segment.journal)) return true;
    if (segment.journal === this.#own) return false;
    const { journal, file } = segment;
    const folder = path.dirname(file);
    const owner = this.#ownerOf(segment);
    const dead = owner === undefined ? !isLocked(folder, journal) : !isHolding(folder, { ...owner, journal });
    if (dead) this.#dead.add(segment.journal);
    return dead;
  }

  /** Whether it gets no further line: there is a later one, or its process is gone. */
  isSealed(segment: SegmentFile, all: readonly SegmentFile[]): boolean {
    return (
      all.some(({ journal, number }) => journal === segment.journal && number > segment.number) || this.isDead(segment)
    );
  }

  /** Whether this program can read it (G3). */
  isReadable(segment: SegmentFile): boolean {
    return (this.#ownerOf(segment)?.format ?? JOURNAL_FORMAT) <= JOURNAL_FORMAT;
  }

  #ownerOf(segment: SegmentFile): SegmentOwner | undefined {
    const known = this.#owners.get(segment.journal);
    if (known !== undefined) return known;
    const owner = readOwner(segment.file);
    if (owner !== undefined) this.#owners.set(segment.journal, owner);
    return owner;
  }
}

function readOwner(file: string): SegmentOwner | undefined {
  const bytes = readSegment(file, 0, HEADER_BYTES);
  const end = bytes?.indexOf("\n") ?? -1;
  if (bytes === undefined || end === -1) return undefined;
  const header = parseLine(bytes.subarray(0, end));
  return header?.kind === "header" ? (header.body as SegmentOwner) : undefined;
}

function readNames(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch (thrown) {
    // It is made at the first append.
    if ((thrown as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw thrown;
  }
}
