import type { Writable } from "node:stream";

/**
 * What waits to be written to a client that reads more slowly than we write.
 *
 * Invariants:
 * - O1  Messages leave in the order in which they came.
 * - O2  While the client does not read, of the progress of one call only the newest is kept; results are always kept.
 * - O3  Above `highWater` waiting bytes `onPressure(true)` asks for no more work, so that the memory is bounded by what
 *       was asked for before.
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

export function createOutbox(stream: OutboxStream, options: OutboxOptions = {}): Outbox {
  const { highWater = DEFAULT_HIGH_WATER, onPressure = () => {} } = options;
  let waiting: Waiting[] = [];
  let waitingBytes = 0;
  let blocked = false;
  let pressed = false;
  let gone = false;
  let listeners: (() => void)[] = [];

  const settle = (): void => {
    if (!gone && (blocked || waiting.length > 0 || stream.writableLength > 0)) return;
    const idle = listeners;
    listeners = [];
    for (const listener of idle) listener();
  };

  const press = (): void => {
    const now = waitingBytes > highWater;
    if (now === pressed) return;
    pressed = now;
    onPressure(now);
  };

  const write = (line: string): void => {
    blocked = !stream.write(line, settle);
  };

  stream.on("drain", () => {
    blocked = false;
    let sent = 0;
    while (!blocked && sent < waiting.length) {
      const { line } = waiting[sent] as Waiting;
      waitingBytes -= line.length;
      sent += 1;
      write(line);
    }
    waiting = waiting.slice(sent);
    press();
    settle();
  });

  const discard = (): void => {
    gone = true;
    waiting = [];
    waitingBytes = 0;
    press();
    settle();
  };

  return {
    send(line, topic) {
      if (gone) return;
      if (!blocked) {
        write(line);
        return;
      }
      const older = topic === undefined ? undefined : waiting.find((entry) => entry.topic === topic);
      waitingBytes += line.length - (older?.line.length ?? 0);
      if (older === undefined) waiting.push({ line, topic });
      else older.line = line;
      press();
    },
    flushed: () =>
      new Promise((resolve) => {
        listeners.push(resolve);
        settle();
      }),
    discard,
  };
}
