import { fail } from "./errors.ts";
import type { ToolDefinition } from "./types.ts";

/** A place among the calls that run or wait for their turn. */
export interface Ticket {
  /** Undefined once it is this call's turn; until then the promise of it, which rejects when the place is given to another. */
  readonly turn: Promise<void> | undefined;
  /** Keeps the place: from now on it is not given to another. */
  keep(): void;
  /** Gives the place up, at any time; a second time does nothing. */
  leave(): void;
}

/** How many calls may run and wait. */
export interface TurnLimits {
  readonly maxConcurrent: number;
  readonly maxWaiting: number;
}

/** Who asks for a place. */
interface TurnRequest {
  readonly definition: ToolDefinition;
  /** Calls of one group share its turns: a session, or the empty text for all calls that name none. */
  readonly group: string;
  /** The tools that ask for it, one through the other: it must not wait for the end of their turns. */
  readonly askers: readonly string[];
}

const SHORTEST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 30_000;
const UNKNOWN_DURATION_MS = 1_000;
/** How much the newest duration counts beside all before it. */
const WEIGHT = 0.2;

/** A call that runs or waits. */
class Place implements Ticket {
  readonly request: TurnRequest;
  readonly #onLeave: (place: Place) => void;
  turn: Promise<void> | undefined;
  kept = false;
  /** When its turn came; undefined before that. */
  begunAt: number | undefined;
  #left = false;
  #settle: ((refusal: Error | undefined) => void) | undefined;

  constructor(request: TurnRequest, onLeave: (place: Place) => void) {
    this.request = request;
    this.#onLeave = onLeave;
  }

  wait(): void {
    this.turn = new Promise((resolve, reject) => {
      this.#settle = (refusal) => (refusal === undefined ? resolve() : reject(refusal));
    });
    // Who left does not listen any more.
    this.turn.catch(() => {});
  }

  begin(now: number): void {
    this.begunAt = now;
    this.turn = undefined;
    this.#settle?.(undefined);
  }

  giveWay(refusal: Error): void {
    this.#left = true;
    this.#settle?.(refusal);
  }

  keep(): void {
    this.kept = true;
  }

  leave(): void {
    if (this.#left) return;
    this.#left = true;
    this.#onLeave(this);
  }
}

/**
 * Who runs now, who waits, and who is refused.
 *
 * - L1  At most `maxConcurrent` calls run, of a tool with `concurrency` at most so many; `maxWaiting` more wait.
 * - L2  Turns go round the groups, and within a group in order. A call whose tool is at its limit does not hold up the
 *       others behind it. All calls without a session are one group: leaving the session out is no way to the front.
 * - L3  When all places are taken, the newest waiting call of the group that has the most gives way to a call of a group
 *       that would still have fewer. A call that was answered with a job keeps its place.
 * - L4  A refusal costs no write, and says when to come back, from how long such calls took lately.
 * - L5  What an execution itself calls needs no turn of its own, but for its tool's limit: otherwise as many callers as
 *       there are turns would wait for each other for ever. Of a tool that asks for itself, be it through others, all are
 *       one. Two tools at their limits that ask for each other crosswise are ended by their deadlines.
 */
export class Turns {
  readonly #limits: TurnLimits;
  readonly #clock: () => number;
  /** Waiting places by group, the group whose turn is next first. */
  readonly #waiting = new Map<string, Place[]>();
  readonly #runningOf = new Map<string, number>();
  readonly #durations = new Map<string, number>();
  running = 0;
  waiting = 0;
  refused = 0;

  constructor(limits: TurnLimits, clock: () => number) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** @throws OVERLOADED when there is no place */
  take(request: TurnRequest): Ticket {
    const mayRun = this.#mayRun(request);
    if (!mayRun && this.waiting >= this.#limits.maxWaiting && !this.#makeRoom(request.group)) {
      throw this.#overloaded(request);
    }
    const place = new Place(request, (left) => this.#leave(left));
    if (mayRun) this.#begin(place);
    else this.#enqueue(place);
    return place;
  }

  #mayRun({ definition, askers }: TurnRequest): boolean {
    if (askers.length === 0 && this.running >= this.#limits.maxConcurrent) return false;
    const { name, concurrency } = definition;
    if (concurrency === undefined || askers.includes(name)) return true;
    return (this.#runningOf.get(name) ?? 0) < concurrency;
  }

  #count({ definition, askers }: TurnRequest, change: 1 | -1): void {
    if (askers.length === 0) this.running += change;
    if (definition.concurrency === undefined || askers.includes(definition.name)) return;
    this.#runningOf.set(definition.name, (this.#runningOf.get(definition.name) ?? 0) + change);
  }

  #begin(place: Place): void {
    this.#count(place.request, 1);
    place.begin(this.#clock());
  }

  #enqueue(place: Place): void {
    place.wait();
    const group = this.#waiting.get(place.request.group);
    if (group === undefined) this.#waiting.set(place.request.group, [place]);
    else group.push(place);
    this.waiting += 1;
  }

  #leave(place: Place): void {
    const { request, begunAt } = place;
    if (begunAt === undefined) return this.#remove(place);
    this.#count(request, -1);
    const { name } = request.definition;
    const took = this.#clock() - begunAt;
    const usual = this.#durations.get(name) ?? took;
    this.#durations.set(name, usual + WEIGHT * (took - usual));
    if (this.waiting > 0) this.#giveTurns();
  }

  #remove(place: Place): void {
    const { group } = place.request;
    const places = this.#waiting.get(group);
    const index = places?.indexOf(place) ?? -1;
    if (places === undefined || index === -1) return;
    places.splice(index, 1);
    this.waiting -= 1;
    if (places.length === 0) this.#waiting.delete(group);
  }

  /** L2. A group that got a turn goes to the end of the map, where this loop comes by again: round and round, until nobody can run. */
  #giveTurns(): void {
    for (const [group, places] of this.#waiting) {
      const place = places.find(({ request }) => this.#mayRun(request));
      if (place === undefined) continue;
      this.#remove(place);
      this.#waiting.delete(group);
      if (places.length > 0) this.#waiting.set(group, places);
      this.#begin(place);
    }
  }

  /** L3. */
  #makeRoom(group: string): boolean {
    const own = this.#waiting.get(group)?.length ?? 0;
    let most: readonly Place[] = [];
    for (const places of this.#waiting.values()) if (places.length > most.length) most = places;
    if (own + 1 >= most.length) return false;
    const newest = most.findLast((place) => !place.kept);
    if (newest === undefined) return false;
    this.#remove(newest);
    newest.giveWay(this.#overloaded(newest.request));
    return true;
  }

  /** L4. */
  #overloaded({ definition }: TurnRequest): Error {
    this.refused += 1;
    const { maxConcurrent } = this.#limits;
    const turns = Math.min(definition.concurrency ?? maxConcurrent, maxConcurrent);
    const usual = this.#durations.get(definition.name) ?? UNKNOWN_DURATION_MS;
    const wait = Math.ceil((usual * (this.waiting + 1)) / turns);
    const retryAfterMs = Math.min(LONGEST_RETRY_MS, Math.max(SHORTEST_RETRY_MS, wait));
    return fail(
      "OVERLOADED",
      `no more calls can wait for their turn (running: ${this.running}, waiting: ${this.waiting})`,
      {
        details: { retryAfterMs },
      },
    );
  }
}
