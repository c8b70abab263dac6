import type { Writable } from "node:stream";

/**
 * What waits to be written to a client that reads more slowly than we write.
 *
 * Invariants:
 * - O1  Messages leave in the order in which they came.
 * - O2  While the client does not read, of the progress of one call only the newest is kept; results are always kept.
 * - O3  Above `highWater` waiting bytes `onPressure(true)` asks for no more work, so that the memory is bounded by what
 *       was asked for before.
 * - O4  What is sent in one turn of the event loop leaves in one write: many answers at once cost one call of the system.
 */
export interface Outbox {
  /** Queues one line. A line with a `topic` takes the place of a waiting line with the same topic. */
  send(line: string, topic?: string | number): void;
  /** Resolves when everything has been handed to the operating system, or when that has become impossible. */
  flushed(): Promise<void>;
  /** Forgets what waits. */
  discard(): void;
}

/** The part of a writable stream that an outbox needs. */
export type OutboxStream = Pick<Writable, "write" | "on" | "writableLength">;

export interface OutboxOptions {
  readonly highWater?: number;
  readonly onPressure?: (pressed: boolean) => void;
}

interface Waiting {
  line: string;
  readonly topic: string | number | undefined;
}

const DEFAULT_HIGH_WATER = 4 * 1024 * 1024;
/** Above it a write is not made larger, so that a slow reader's progress can still be replaced (O2). */
const LARGEST_WRITE = 64 * 1024;

export function createOutbox(stream: OutboxStream, options: OutboxOptions = {}): Outbox {
  return new StreamOutbox(stream, options);
}

class StreamOutbox implements Outbox {
  readonly #stream: OutboxStream;
  readonly #highWater: number;
  readonly #onPressure: (pressed: boolean) => void;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #blocked = false;
  #scheduled = false;
  #pressed = false;
  #gone = false;
  #listeners: (() => void)[] = [];

  constructor(stream: OutboxStream, { highWater = DEFAULT_HIGH_WATER, onPressure = () => {} }: OutboxOptions) {
    this.#stream = stream;
    this.#highWater = highWater;
    this.#onPressure = onPressure;
    stream.on("drain", () => this.#drain());
  }

  send(line: string, topic?: string | number): void {
    if (this.#gone) return;
    const older = topic === undefined ? undefined : this.#waiting.find((entry) => entry.topic === topic);
    this.#waitingBytes += line.length - (older?.line.length ?? 0);
    if (older === undefined) this.#waiting.push({ line, topic });
    else older.line = line;
    if (this.#blocked) this.#press();
    else if (!this.#scheduled) {
      this.#scheduled = true;
      process.nextTick(this.#endTurn);
    }
  }

  flushed(): Promise<void> {
    return new Promise((resolve) => {
      this.#listeners.push(resolve);
      this.#settle();
    });
  }

  discard(): void {
    this.#gone = true;
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#press();
    this.#settle();
  }

  /** O4 */
  readonly #endTurn = (): void => {
    this.#scheduled = false;
    if (!this.#blocked) this.#drain();
  };

  #drain(): void {
    this.#blocked = false;
    let sent = 0;
    while (!this.#blocked && sent < this.#waiting.length) {
      let text = "";
      while (sent < this.#waiting.length && text.length < LARGEST_WRITE) {
        text += this.#waiting[sent]?.line ?? "";
        sent += 1;
      }
      this.#waitingBytes -= text.length;
      this.#blocked = !this.#stream.write(text, this.#settle);
    }
    this.#waiting = this.#waiting.slice(sent);
    this.#press();
    this.#settle();
  }

  #press(): void {
    const now = this.#waitingBytes > this.#highWater;
    if (now === this.#pressed) return;
    this.#pressed = now;
    this.#onPressure(now);
  }

  readonly #settle = (): void => {
    const isBusy = this.#blocked || this.#waiting.length > 0 || this.#stream.writableLength > 0;
    if (!this.#gone && isBusy) return;
    const idle = this.#listeners;
    this.#listeners = [];
    for (const listener of idle) listener();
  };
}
