/** What a Node timer can wait at most; beyond it fires at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Something that happens at a time unless it is cleared before. */
export interface Alarm {
  readonly at: number;
  readonly ring: () => void;
}

/**
 * All alarms of a runtime on one timer.
 *
 * - A1  A call sets several alarms and clears them all again, mostly without one having rung: that costs two entries in
 *       a set. The timer stays as it is, and rings for nothing once at most.
 * - A2  The timer holds the process only while there are alarms, because who set one waits for it: a program must not end
 *       before a hanging tool has had its deadline.
 */
export class Alarms {
  readonly #clock: () => number;
  readonly #set = new Set<Alarm>();
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Infinity;

  constructor(clock: () => number) {
    this.#clock = clock;
  }

  set(at: number, ring: () => void): Alarm {
    const alarm: Alarm = { at, ring };
    if (this.#set.size === 0) this.#timer?.ref();
    this.#set.add(alarm);
    if (at < this.#timerAt) this.#arm(at);
    return alarm;
  }

  clear(alarm: Alarm | undefined): void {
    if (alarm !== undefined && this.#set.delete(alarm) && this.#set.size === 0) this.#timer?.unref();
  }

  #arm(at: number): void {
    clearTimeout(this.#timer);
    this.#timerAt = at;
    const ms = Math.min(LONGEST_TIMER_MS, Math.max(1, Math.ceil(at - this.#clock())));
    this.#timer = setTimeout(() => this.#fire(), ms);
  }

  #fire(): void {
    this.#timer = undefined;
    this.#timerAt = Infinity;
    const now = this.#clock();
    const due = [...this.#set].filter((alarm) => alarm.at <= now).sort((one, other) => one.at - other.at);
    for (const alarm of due) {
      // One that rang may have cleared another.
      if (this.#set.delete(alarm)) alarm.ring();
    }
    let next = Infinity;
    for (const alarm of this.#set) next = Math.min(next, alarm.at);
    if (next < this.#timerAt) this.#arm(next);
  }
}
