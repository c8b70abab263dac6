import { isKitError } from "@container-kit/errors";
import { fail } from "./errors.ts";
import { nextPause } from "./next-pause.ts";
import type { Reply, RequestOptions, Requests, Send, ToolRequest } from "./types.ts";

const DEADLINE_MS = 60_000;
const ATTEMPTS = 4;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;
const LONGEST_DEADLINE_MS = 2 ** 31 - 1;
/** Codes of refusals before a tool was asked. */
const NOT_TRIED = new Set(["OVERLOADED", "CIRCUIT_OPEN"]);

/** What requests work with. */
export interface RequestsOptions<Outcome extends Reply> {
  readonly send: Send<Outcome>;
  /** Milliseconds that only grow. Default `performance.now`. */
  readonly clock?: () => number;
  /** A number from 0 to below 1. Default `Math.random`. */
  readonly random?: () => number;
}

/**
 * Makes what asks tools on behalf of tools.
 *
 * - Q1  One deadline holds for all attempts and the pauses between them. An attempt that does not heed its signal is left
 *       behind: it holds no request past its end.
 * - Q2  Only what the error table calls retryable is asked again, and only while the next attempt would begin before the
 *       deadline. The pauses grow and are spread at random; where the reply says when to come back, that is heeded, and
 *       spread too: all who were refused together would come back together.
 * - Q3  A refusal for want of room or of a sound target has reached no tool: it is no attempt, and only the deadline
 *       ends the coming back.
 * - Q4  The last reply is the answer. Only where there was none by the end is something thrown.
 * - Q5  Nothing is left behind: no timer, and no listener at the asker's signal.
 */
export function createRequests<Outcome extends Reply>(options: RequestsOptions<Outcome>): Requests<Outcome> {
  const { send, clock = () => performance.now(), random = Math.random } = options;
  return {
    async request(request, asked = {}) {
      const plan = planOf(asked);
      const end = new End(request, plan.deadlineMs, asked.signal);
      const deadlineAt = clock() + plan.deadlineMs;
      let last: Outcome | undefined;
      let pauseMs = 0;
      let attempts = 0;
      try {
        for (let number = 1; ; number += 1) {
          end.throwIfReached();
          const reply = await end.orEarlier(send(request, { number, signal: end.signal }));
          if (reply.ok || !reply.error.retryable || plan.attempts === 1) return reply;
          if (!NOT_TRIED.has(reply.error.code)) attempts += 1;
          if (attempts >= plan.attempts) return reply;
          last = reply;
          pauseMs = nextPause(plan, pauseMs, random);
          const waitMs = pauseMs + askedPause(reply.error.details);
          if (clock() + waitMs >= deadlineAt) return reply;
          await end.pause(waitMs);
        }
      } catch (thrown) {
        // Q4. What a medium threw by itself passes through.
        if (last !== undefined && thrown === end.reason) return last;
        throw thrown;
      } finally {
        end.close();
      }
    },
  };
}

type Plan = Required<Omit<RequestOptions, "signal">>;

/** @throws TypeError */
function planOf(asked: RequestOptions): Plan {
  const {
    deadlineMs = DEADLINE_MS,
    attempts = ATTEMPTS,
    firstPauseMs = FIRST_PAUSE_MS,
    longestPauseMs = LONGEST_PAUSE_MS,
  } = asked;
  const plan = { deadlineMs, attempts, firstPauseMs, longestPauseMs };
  for (const [name, value] of Object.entries(plan))
    if (typeof value !== "number" || !(value > 0))
      throw new TypeError(`expected ${name} of a request to be a number above 0, got ${String(value)}`);
  // A timer that is set to more ends at once; no pause is longer than the deadline, and none is without end.
  return {
    attempts,
    deadlineMs: Math.min(deadlineMs, LONGEST_DEADLINE_MS),
    firstPauseMs: Math.min(firstPauseMs, LONGEST_DEADLINE_MS),
    longestPauseMs: Math.min(longestPauseMs, LONGEST_DEADLINE_MS),
  };
}

/** Q2. */
function askedPause(details: Readonly<Record<string, unknown>> | undefined): number {
  const asked = details?.["retryAfterMs"];
  return typeof asked === "number" && asked > 0 ? asked : 0;
}

/** The end of a request: its deadline, or the asker's signal; whichever comes first stays. */
class End {
  reason: Error | undefined;
  readonly #controller = new AbortController();
  readonly #reached: Promise<never>;
  readonly #timer: NodeJS.Timeout;
  readonly #asker: AbortSignal | undefined;
  readonly #onAbort: () => void;
  #reject: (reason: Error) => void = () => undefined;

  constructor({ tool }: ToolRequest, deadlineMs: number, asker: AbortSignal | undefined) {
    this.#reached = new Promise<never>((_resolve, reject) => {
      this.#reject = reject;
    });
    // Nobody may be waiting for it at the moment.
    this.#reached.catch(() => undefined);
    this.#asker = asker;
    this.#onAbort = () => {
      const { reason } = asker ?? {};
      this.#now(isKitError(reason) ? reason : fail("CANCELLED", `the request to ${tool} was cancelled`));
    };
    // Held by who waits for the reply, so it holds the process too; cleared with the request.
    this.#timer = setTimeout(
      () => this.#now(fail("TOOL_TIMEOUT", `${tool} did not reply within ${deadlineMs} ms`)),
      deadlineMs,
    );
    asker?.addEventListener("abort", this.#onAbort, { once: true });
    if (asker?.aborted === true) this.#onAbort();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** @throws the end's reason */
  throwIfReached(): void {
    if (this.reason !== undefined) throw this.reason;
  }

  /** What comes first. @throws the end's reason */
  orEarlier<Value>(promise: Promise<Value>): Promise<Value> {
    return Promise.race([promise, this.#reached]);
  }

  /** @throws the end's reason */
  async pause(ms: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    try {
      await this.orEarlier(
        new Promise<void>((resolve) => {
          timer = setTimeout(resolve, ms);
        }),
      );
    } finally {
      clearTimeout(timer);
    }
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#asker?.removeEventListener("abort", this.#onAbort);
  }

  #now(reason: Error): void {
    if (this.reason !== undefined) return;
    this.reason = reason;
    this.#reject(reason);
    this.#controller.abort(reason);
  }
}
