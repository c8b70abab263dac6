/**
 * The processes of one plugin.
 *
 * - O1  A process serves one call at a time, so that a call can be ended without harm to another.
 * - O2  At most `most` run; the next call waits for one, in order, and can be cancelled meanwhile.
 * - O3  One waits ready. A process goes after a failure of its own, after many calls, and after a while without any.
 */
import { deferred } from "../internal/deferred.ts";
import type { CallHandlers, PluginProcess } from "./plugin-process.ts";
import type { CallMessage, DoneMessage } from "./messages.ts";

const IDLE_MS = 60_000;
const MOST_CALLS = 1_000;

/** What the pool is made of. */
export interface PoolOptions {
  /** Starts a process and loads the plugin in it. @throws PLUGIN_INVALID */
  readonly start: () => Promise<PluginProcess>;
  readonly most: number;
}

type PoolMessage = Omit<CallMessage, "kind" | "id">;

/** Runs calls in processes of one plugin. */
export interface ProcessPool {
  call(message: PoolMessage, handlers: CallHandlers, signal: AbortSignal): Promise<DoneMessage>;
  /** Ends all processes and waits for it. */
  close(): Promise<void>;
}

/** Makes the pool with one process that is loaded already. */
export function createPool(first: PluginProcess, options: PoolOptions): ProcessPool {
  return new Pool(first, options);
}

class Pool implements ProcessPool {
  readonly #options: PoolOptions;
  readonly #idle: PluginProcess[];
  readonly #all: Set<PluginProcess>;
  readonly #waiting: (() => void)[] = [];
  #taken = 0;
  #closed = false;
  #dismissal: NodeJS.Timeout | undefined;

  constructor(first: PluginProcess, options: PoolOptions) {
    this.#options = options;
    this.#idle = [first];
    this.#all = new Set(this.#idle);
  }

  async call(message: PoolMessage, handlers: CallHandlers, signal: AbortSignal): Promise<DoneMessage> {
    const process = await this.#acquire(signal);
    try {
      return await process.call(message, handlers, signal);
    } finally {
      this.#release(process);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#dismissal);
    const ends = [...this.#all].map((process) => {
      process.end();
      return process.ended;
    });
    await Promise.all(ends);
  }

  async #acquire(signal: AbortSignal): Promise<PluginProcess> {
    if (this.#taken >= this.#options.most) await turn(this.#waiting, signal);
    else this.#taken += 1;
    try {
      for (let ready = this.#idle.pop(); ready !== undefined; ready = this.#idle.pop()) if (ready.usable) return ready;
      return await this.#begin();
    } catch (error) {
      this.#pass();
      throw error;
    }
  }

  async #begin(): Promise<PluginProcess> {
    const started = await this.#options.start();
    this.#all.add(started);
    void started.ended.then(() => this.#all.delete(started));
    if (this.#closed) started.end();
    return started;
  }

  /** O3. A process that went is replaced before the next call asks; what keeps it from starting, that call will hear. */
  #prepare(): void {
    if (this.#closed || this.#idle.length > 0) return;
    void this.#begin().then(
      (ready) => void (this.#idle.length === 0 ? this.#idle.push(ready) : ready.end()),
      () => undefined,
    );
  }

  /** Hands the place to who waits longest. */
  #pass(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#taken -= 1;
    else next();
  }

  #release(process: PluginProcess): void {
    if (process.usable && process.calls < MOST_CALLS && !this.#closed) this.#idle.push(process);
    else {
      process.end();
      this.#prepare();
    }
    this.#pass();
    clearTimeout(this.#dismissal);
    this.#dismissal = setTimeout(() => {
      for (const surplus of this.#idle.splice(1)) surplus.end();
    }, IDLE_MS);
    this.#dismissal.unref();
  }
}

/** Waits in line. @throws the signal's reason */
async function turn(waiting: (() => void)[], signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const { promise, resolve } = deferred<boolean>();
  const called = (): void => resolve(true);
  const gone = (): void => {
    const place = waiting.indexOf(called);
    // Who was called in the same moment has the place and must give it back as one who used it.
    if (place !== -1) waiting.splice(place, 1);
    resolve(place === -1);
  };
  waiting.push(called);
  signal.addEventListener("abort", gone, { once: true });
  const mine = await promise;
  signal.removeEventListener("abort", gone);
  if (!mine) throw signal.reason;
}
