/**
 * Tells which jobs have been left by their owners.
 *
 * - H1  A job whose owner's process is gone is left, at once.
 * - H2  A job of a living process is left when its beat has not moved for the time of a lease, as this process has seen
 *       it by its own monotonic clock. No wall is asked: a clock that jumps neither takes a job nor keeps one.
 * - H3  This process's own jobs are never left: it would know.
 */
import type { Clocks } from "./clocks.ts";
import type { JobRow } from "./job-statements.ts";
import type { Owners } from "./owners.ts";

const MOST_WATCHED = 10_000;

interface Sighting {
  readonly beat: number;
  /** By the monotonic clock. */
  readonly since: number;
}

/** What this process has seen of the jobs of others. */
export class JobWatch {
  readonly #seen = new Map<string, Sighting>();
  readonly #owners: Owners;
  readonly #clocks: Clocks;
  readonly #leaseMs: number;

  constructor(owners: Owners, clocks: Clocks, leaseMs: number) {
    this.#owners = owners;
    this.#clocks = clocks;
    this.#leaseMs = leaseMs;
  }

  /** Those of the rows that are left. Inside a read or write of the state. */
  findLeft(rows: readonly JobRow[]): readonly JobRow[] {
    const works = new Map<number, boolean>();
    const isWorking = (owner: number): boolean => {
      const known = works.get(owner) ?? this.#owners.hasWork(owner);
      works.set(owner, known);
      return known;
    };
    return rows.filter((row) => {
      if (row.status !== "running" || row.owner === null) {
        this.#seen.delete(row.id);
        return false;
      }
      return row.owner !== this.#owners.own && (!isWorking(row.owner) || this.#isSilent(row));
    });
  }

  #isSilent({ id, beat }: JobRow): boolean {
    const now = this.#clocks.monotonic();
    const seen = this.#seen.get(id);
    if (seen?.beat === beat) return now - seen.since >= this.#leaseMs;
    this.#seen.delete(id);
    this.#seen.set(id, { beat, since: now });
    if (this.#seen.size > MOST_WATCHED) this.#seen.delete(String(this.#seen.keys().next().value));
    return false;
  }
}
