/**
 * Whether the wall clock may be believed when it says that something is old.
 *
 * - K1  A wall that is more than a week ahead of all that the store has seen may be wrong, or nobody has used the store
 *       for so long. It is believed when it has gone on for a day: what is old then goes a day later.
 * - K2  Meanwhile time goes on from where the store left it. Nothing is removed for a wrong clock, and nothing is kept
 *       for ever after one.
 */
import type { Database as SqliteClient } from "better-sqlite3";

/** What a store has seen of the wall clock. */
export interface SeenTime {
  /** The latest moment that is believed. */
  readonly believed: number;
  /** When the wall was first that far ahead; null while it is not. */
  readonly doubted: number | null;
}

const DAY_MS = 24 * 60 * 60 * 1000;
const GAP_MS = 7 * DAY_MS;
/** What was seen is not written anew for less. */
const WORTH_WRITING_MS = 60 * 60 * 1000;
/** The table of what was done when; also that of the daily work. */
export const CREATE_TASKS = "CREATE TABLE IF NOT EXISTS _tasks (name TEXT PRIMARY KEY, at INTEGER NOT NULL) STRICT";
const NAMES = { believed: "clock believed", doubted: "clock doubted" } as const;

/** What a store has seen when it has also seen this. */
function see({ believed, doubted }: SeenTime, wall: number): SeenTime {
  if (wall - believed <= GAP_MS) return { believed: wall, doubted: null };
  const since = Math.min(doubted ?? wall, wall);
  return wall - since >= DAY_MS ? { believed: wall, doubted: null } : { believed, doubted: since };
}

/** What is believed of the wall in one thread that has a store open. */
export class CertainTime {
  #seen: SeenTime;
  readonly #clock: () => number;
  /** How far the wall was ahead when the doubt began here; time goes on from there (K2). */
  readonly #ahead: number;

  constructor(seen: SeenTime, clock: () => number) {
    this.#seen = seen;
    this.#clock = clock;
    this.#ahead = Math.max(0, clock() - seen.believed);
  }

  /** As it is now; to be handed to another thread or to be kept. */
  get seen(): SeenTime {
    // Once believed, only jumps of the wall could bring doubt, and who asks knows of those by a clock that never jumps.
    if (this.#seen.doubted !== null) this.#seen = see(this.#seen, this.#clock());
    return this.#seen;
  }

  /** The moment, if the wall says that it is `wall`. */
  at(wall: number): number {
    return this.seen.doubted === null ? wall : wall - this.#ahead;
  }
}

/** What a store has seen before and sees now. @param before when it was used last, if it was not made just now */
export function seeAtStart(client: SqliteClient, wall: number, before: number | undefined): SeenTime {
  return see(read(client) ?? { believed: before ?? wall, doubted: null }, wall);
}

/** Keeps what was seen, for later starts. Inside a transaction. @param wall which is believed unless it is doubted */
export function keepTime(client: SqliteClient, { believed, doubted }: SeenTime, wall: number): void {
  const known = read(client);
  const at = doubted === null ? wall : believed;
  if (known?.doubted === doubted && Math.abs(known.believed - at) < WORTH_WRITING_MS) return;
  client.exec(CREATE_TASKS);
  const put = client.prepare("INSERT OR REPLACE INTO _tasks (name, at) VALUES (?, ?)");
  put.run(NAMES.believed, Math.round(at));
  if (doubted === null) client.prepare("DELETE FROM _tasks WHERE name = ?").run(NAMES.doubted);
  else put.run(NAMES.doubted, doubted);
}

function read(client: SqliteClient): SeenTime | undefined {
  if (client.prepare("SELECT 1 FROM sqlite_master WHERE name = '_tasks'").get() === undefined) return undefined;
  const at = client.prepare("SELECT at FROM _tasks WHERE name = ?").pluck();
  const [believed, doubted] = [at.get(NAMES.believed), at.get(NAMES.doubted)];
  if (believed === undefined) return undefined;
  return { believed: Number(believed), doubted: doubted === undefined ? null : Number(doubted) };
}
