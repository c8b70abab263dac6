/**
 * How far a subscriber with a name got, and who has the name.
 *
 * - H1  One subscription of all processes has a name. It has it until it gives it up or its process is gone: a process
 *       that is only slow keeps it, and no clock takes it away.
 * - H2  A place is kept after what it stands for was handled, at most 100 ms later: in a crash events come twice rather
 *       than never.
 */
import { randomBytes } from "node:crypto";
import type { Storage, StoreHolder } from "@container-kit/storage";
import { and, eq, sql } from "drizzle-orm";
import { writeNowOrLater } from "../write-now.ts";
import { eventPlaces } from "./tables.ts";

/** What is known of a name. */
export interface KnownPlace {
  readonly seq: number;
  readonly token: string | null;
  readonly holder: string | null;
}

/** Half of what H2 allows; the store takes the other half. */
const KEEP_AFTER_MS = 50;

/** Whether the process that holds a name may still be there. */
export function isHeld(storage: Storage, holder: string | null): boolean {
  return holder !== null && storage.isHolding(JSON.parse(holder) as StoreHolder);
}

/** One subscription's claim on a name. */
export class DurablePlace {
  readonly name: string;
  readonly #token = randomBytes(8).toString("hex");
  readonly #storage: Storage;
  readonly #clock: () => number;
  readonly #statements: PlaceStatements;
  #seq = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(name: string, storage: Storage, clock: () => number) {
    this.name = name;
    this.#storage = storage;
    this.#clock = clock;
    this.#statements = preparePlaces(storage);
  }

  /** What is known now. @throws STORE_* */
  look(): KnownPlace | undefined {
    return this.#storage.shared.read(() => this.#statements.find.get({ name: this.name }));
  }

  /**
   * Takes the name unless another has it.
   * @param start where a name that nobody knows begins
   * @returns the kept place; undefined when another has the name
   * @throws STORE_*, STORE_BUSY at once: it is to be tried again
   */
  claim(start: number): number | undefined {
    if (this.#isTaken(this.look())) return undefined;
    const holder = JSON.stringify(this.#storage.holder());
    const seq = this.#storage.shared.writeNow(() => {
      const known = this.#statements.find.get({ name: this.name });
      if (this.#isTaken(known)) return undefined;
      const place = known?.seq ?? start;
      this.#statements.take.run({ ...this.#mine(place), holder });
      return place;
    });
    this.#seq = seq ?? 0;
    return seq;
  }

  /** Remembers how far it got (H2). */
  keep(seq: number): void {
    this.#seq = seq;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#storage.shared.writeSoon(`events:${this.#token}`, () => this.#statements.move.run(this.#mine(this.#seq)));
    }, KEEP_AFTER_MS).unref();
  }

  /** Keeps the place and gives the name up. @throws STORE_* */
  async release(): Promise<void> {
    clearTimeout(this.#timer);
    await writeNowOrLater(this.#storage.shared, () => {
      this.#statements.move.run(this.#mine(this.#seq));
      this.#statements.free.run({ name: this.name, token: this.#token });
    });
  }

  #isTaken(known: KnownPlace | undefined): boolean {
    return known !== undefined && known.token !== this.#token && isHeld(this.#storage, known.holder);
  }

  #mine(seq: number): Readonly<Record<string, unknown>> {
    return { name: this.name, token: this.#token, seq, usedAt: this.#clock() };
  }
}

type PlaceStatements = ReturnType<typeof preparePlaces>;

function preparePlaces({ shared: { statements } }: Storage) {
  const name = sql.placeholder("name");
  const token = sql.placeholder("token");
  const holder = sql.placeholder("holder");
  const usedAt = sql.placeholder("usedAt");
  const named = eq(eventPlaces.name, name);
  const held = and(named, eq(eventPlaces.token, token));
  return {
    find: statements
      .select({ seq: eventPlaces.seq, token: eventPlaces.token, holder: eventPlaces.holder })
      .from(eventPlaces)
      .where(named)
      .prepare(),
    take: statements
      .insert(eventPlaces)
      .values({ name, seq: sql.placeholder("seq"), usedAt, token, holder })
      .onConflictDoUpdate({
        target: eventPlaces.name,
        set: { token: sql`excluded.token`, holder: sql`excluded.holder`, usedAt: sql`excluded.used_at` },
      })
      .prepare(),
    move: statements
      .update(eventPlaces)
      .set({ seq: sql`max(${eventPlaces.seq}, ${sql.placeholder("seq")})`, usedAt: sql`${usedAt}` })
      .where(held)
      .prepare(),
    free: statements.update(eventPlaces).set({ token: null, holder: null }).where(held).prepare(),
  };
}
