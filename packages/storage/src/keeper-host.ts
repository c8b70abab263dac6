/**
 * The keeper as the thread of the calls sees it.
 *
 * - T1  It is not started before something was appended, and then not at once: a short program never pays for it.
 * - T2  A keeper that does not start or that dies is told once, and from then on this thread does the work.
 * - T3  A question that is not answered in time is answered by this thread.
 * - T4  It does not keep the process alive.
 */
import { Worker } from "node:worker_threads";
import type { Logger } from "@container-kit/observability";
import type { SkippedLines } from "./ingester.ts";
import type { KeeperData, KeeperOrder, KeeperReport } from "./keeper-messages.ts";

/** How the keeper is started and what becomes of what it says. */
export interface KeeperHostOptions {
  readonly program: URL;
  readonly data: KeeperData;
  readonly logger: Logger;
  /** It died or never lived (T2). */
  readonly onGone: () => void;
  /** It has done a round of work. */
  readonly onRound: () => void;
  /** Something failed in the background. */
  readonly onFailure: (message: string, code: string | undefined) => void;
}

const START_AFTER_MS = 1000;
const START_AT_BYTES = 512 * 1024;
const SOON_MS = 100;
const ANSWER_WITHIN_MS = 300;
const CLOSE_WITHIN_MS = 2000;
const LIMITS = { maxOldGenerationSizeMb: 128, maxYoungGenerationSizeMb: 16 };

/** One per open store that has a keeper. */
export class KeeperHost {
  readonly #options: KeeperHostOptions;
  readonly #answers = new Map<number, (ok: boolean) => void>();
  #worker: Worker | undefined;
  #startTimer: NodeJS.Timeout | undefined;
  #soonTimer: NodeJS.Timeout | undefined;
  #asked = 0;
  #gone = false;
  #closing = false;
  skipped: SkippedLines = { damaged: 0, unknown: 0, refused: 0 };
  /** What it found to be damaged; one sentence each. */
  readonly damage: string[] = [];

  constructor(options: KeeperHostOptions) {
    this.#options = options;
  }

  /** Whether the work in the background is its business. */
  get isInCharge(): boolean {
    return !this.#gone && !this.#closing;
  }

  /** Something was appended or committed; `waiting` bytes since the store was opened. */
  soon(waiting: number): void {
    if (this.#worker === undefined) return this.#startSoon(waiting);
    this.#soonTimer ??= setTimeout(() => {
      this.#soonTimer = undefined;
      this.#order({ do: "soon" });
    }, SOON_MS).unref();
  }

  /** Brings everything in; false when this thread has to do it (T3). */
  async catchUp(): Promise<boolean> {
    if (this.#worker === undefined || !this.isInCharge) return false;
    const number = (this.#asked += 1);
    return await new Promise<boolean>((resolve) => {
      const timer = setTimeout(() => this.#answer(number, false), ANSWER_WITHIN_MS);
      this.#answers.set(number, (ok) => {
        clearTimeout(timer);
        resolve(ok);
      });
      this.#order({ do: "catchUp", number });
    });
  }

  /** Ends it; what it has not brought in stays in the journals. */
  async close(): Promise<void> {
    this.#closing = true;
    clearTimeout(this.#startTimer);
    clearTimeout(this.#soonTimer);
    const worker = this.#worker;
    if (worker === undefined || this.#gone) return;
    const ended = new Promise<void>((resolve) => {
      worker.once("exit", () => resolve());
    });
    this.#order({ do: "close" });
    const timer = setTimeout(() => void worker.terminate(), CLOSE_WITHIN_MS);
    await ended;
    clearTimeout(timer);
  }

  #startSoon(waiting: number): void {
    if (!this.isInCharge) return;
    if (waiting >= START_AT_BYTES) this.#start();
    else this.#startTimer ??= setTimeout(() => this.#start(), START_AFTER_MS).unref();
  }

  #start(): void {
    clearTimeout(this.#startTimer);
    if (this.#worker !== undefined || !this.isInCharge) return;
    const { program, data } = this.#options;
    let worker: Worker;
    try {
      worker = new Worker(program, { workerData: data, resourceLimits: LIMITS, name: "record-keeper" });
    } catch (error) {
      // The system gives no further thread, or that is no program.
      return this.#lose(error);
    }
    worker.unref();
    worker.on("message", (report: KeeperReport) => this.#hear(report));
    worker.on("error", (error) => this.#lose(error));
    worker.on("exit", () => this.#lose(undefined));
    this.#worker = worker;
  }

  #lose(error: unknown): void {
    if (this.#gone) return;
    this.#gone = true;
    for (const number of this.#answers.keys()) this.#answer(number, false);
    if (this.#closing) return;
    this.#options.logger.error("the keeper of the record has ended; this thread does its work", { error });
    this.#options.onGone();
  }

  #hear(report: KeeperReport): void {
    switch (report.said) {
      case "caughtUp":
        return this.#answer(report.number, report.ok);
      case "skipped":
        this.skipped = report.skipped;
        return this.#options.onRound();
      case "damage":
        this.damage.push(`${report.file} is damaged (${report.damage}): end the program; the next start sets it aside`);
        return;
      case "failed":
        return this.#options.onFailure(report.message, report.code);
      case "log":
        return this.#options.logger[report.level](report.message, report.fields);
    }
  }

  #answer(number: number, ok: boolean): void {
    this.#answers.get(number)?.(ok);
    this.#answers.delete(number);
  }

  #order(order: KeeperOrder): void {
    this.#worker?.postMessage(order);
  }
}
