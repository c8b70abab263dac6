import { CircuitState, ConsecutiveBreaker, circuitBreaker, handleWhenResult } from "cockatiel";
import type { CircuitBreakerPolicy } from "cockatiel";
import { fail } from "./errors.ts";
import type { ToolOutcome } from "./types.ts";

/** Failures in a row that open a circuit. */
const FAILURES = 5;
/** How long an open circuit refuses before it lets one call try. */
const OPEN_MS = 10_000;
/** What one who comes while that one call tries is told to wait. */
const TRIAL_MS = 1_000;
const MOST_CIRCUITS = 256;

/** What a call says of the health of its target: `neither` is a call that was stopped before it could tell. */
export type Verdict = "well" | "ill" | "neither";

interface Judged {
  readonly outcome: ToolOutcome;
  readonly verdict: Verdict;
}

/** Passes cockatiel uncounted, neither as a success nor as a failure. */
class Uncounted extends Error {
  readonly outcome: ToolOutcome;

  constructor(outcome: ToolOutcome) {
    super("uncounted");
    this.outcome = outcome;
  }
}

/**
 * One circuit per tool and target.
 *
 * - C1  Five calls in a row that found the target ill open it; after ten seconds one call tries, and closes or reopens it.
 *       Those who come meanwhile are refused at once: nobody waits for another's trial. A trial that was stopped before
 *       it could tell has told nothing: the next call is the trial.
 * - C2  A call that failed by its caller's fault has reached its target, and counts as well.
 * - C3  The ten seconds are measured by a clock that only grows: cockatiel's own is the time of day, which may be set back.
 */
class Circuit {
  readonly #clock: () => number;
  #policy = newPolicy();
  #openedAt = 0;
  #lastCode = "";

  constructor(clock: () => number) {
    this.#clock = clock;
  }

  get open(): boolean {
    return this.#policy.state !== CircuitState.Closed;
  }

  async run(name: string, target: string, call: () => Promise<Judged>): Promise<ToolOutcome> {
    const isTrial = this.#admit(name, target);
    try {
      const { outcome } = await this.#policy.execute(async () => {
        const judged = await call();
        if (judged.verdict === "neither") throw new Uncounted(judged.outcome);
        if (judged.verdict === "ill") this.#noteFailure(judged.outcome);
        return judged;
      });
      return outcome;
    } catch (thrown) {
      // To cockatiel, a failure that it does not count is a trial that went well.
      if (isTrial) this.#policy = waitingForTrial();
      if (thrown instanceof Uncounted) return thrown.outcome;
      throw thrown;
    }
  }

  /** C1, C3. Says whether this call is the trial. @throws CIRCUIT_OPEN */
  #admit(name: string, target: string): boolean {
    if (this.#policy.state === CircuitState.Closed) return false;
    const left = this.#policy.state === CircuitState.HalfOpen ? TRIAL_MS : this.#openedAt + OPEN_MS - this.#clock();
    if (left <= 0) {
      this.#policy = waitingForTrial();
      return true;
    }
    throw fail("CIRCUIT_OPEN", `${name} does not try ${target}: the last ${FAILURES} calls to it failed`, {
      details: { target, retryAfterMs: Math.ceil(left), lastCode: this.#lastCode },
    });
  }

  #noteFailure(outcome: ToolOutcome): void {
    this.#lastCode = outcome.ok ? "" : outcome.error.code;
    this.#openedAt = this.#clock();
  }
}

/** Open, as if for long by cockatiel's clock: the next call is the trial. */
function waitingForTrial(): CircuitBreakerPolicy {
  return newPolicy({ ownState: { value: CircuitState.Open, openedAt: 0, attemptNo: 1 }, breakerState: FAILURES });
}

function newPolicy(initialState?: unknown): CircuitBreakerPolicy {
  return circuitBreaker(
    handleWhenResult((result) => (result as Judged).verdict === "ill"),
    { halfOpenAfter: OPEN_MS, breaker: new ConsecutiveBreaker(FAILURES), initialState },
  );
}

/** The circuits of a runtime; of many targets only those that were used last are remembered. */
export class Circuits {
  readonly #clock: () => number;
  readonly #known = new Map<string, Circuit>();

  constructor(clock: () => number) {
    this.#clock = clock;
  }

  /** Runs a call through the circuit of its tool and target. @throws CIRCUIT_OPEN */
  run(name: string, target: string, call: () => Promise<Judged>): Promise<ToolOutcome> {
    const key = `${name} ${target}`;
    const circuit = this.#known.get(key) ?? new Circuit(this.#clock);
    this.#known.delete(key);
    this.#known.set(key, circuit);
    if (this.#known.size > MOST_CIRCUITS) this.#forgetOldest();
    return circuit.run(name, target, call);
  }

  /** The circuits that are not closed: `tool target`. */
  open(): readonly string[] {
    return [...this.#known].filter(([, circuit]) => circuit.open).map(([key]) => key);
  }

  #forgetOldest(): void {
    const [oldest] = this.#known.keys();
    if (oldest !== undefined) this.#known.delete(oldest);
  }
}
