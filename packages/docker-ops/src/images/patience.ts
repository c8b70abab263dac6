/**
 * Does registry work again where the registry asked to wait, and says so meanwhile. The work must be one that may be
 * done twice: pulls, pushes and questions are.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { isKitError } from "@container-kit/errors";
import type { KitError } from "@container-kit/errors";
import { fail } from "../errors.ts";
import type { Progress } from "../types.ts";

export interface PatienceOptions {
  readonly registry: string;
  readonly signal: AbortSignal;
  /** When the caller gives up, by the clock of `performance.now`: a wait beyond that is not begun. */
  readonly until: () => number;
  readonly report: (progress: Progress) => void;
  /** Asks the registry itself how long to wait, where the error does not tell; null when it does not say. */
  readonly askWait?: () => Promise<number | null>;
}

/** How often the work is done again. */
const RETRIES = 3;
/** The longest wait that is waited, in milliseconds; a longer one is the caller's to decide on. */
const LONGEST_WAIT_MS = 60_000;
const FIRST_WAIT_MS = 1000;
/** A wait is reported again after so many milliseconds, so that it does not look like a hang. */
const REPORT_MS = 5000;

/** @throws REGISTRY_RATE_LIMITED with `details.retryAfterMs` where known, when the wait is too long or did not help */
export async function withPatience<Result>(run: () => Promise<Result>, options: PatienceOptions): Promise<Result> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await run();
    } catch (error) {
      if (!isKitError(error, "REGISTRY_RATE_LIMITED") || options.signal.aborted) throw error;
      const told = error.details?.["retryAfterMs"];
      const asked = typeof told === "number" ? told : ((await options.askWait?.()) ?? null);
      const waitMs = asked ?? FIRST_WAIT_MS * 2 ** attempt * (0.75 + Math.random() / 2);
      const tooLong = waitMs > LONGEST_WAIT_MS || performance.now() + waitMs >= options.until();
      if (attempt === RETRIES || tooLong) throw asked === null ? error : withWait(error, asked);
      await wait(waitMs, options);
    }
  }
}

/** The wait that the registry named for an error, or null when it is about something else. */
export function waitOf(error: unknown): number | null {
  const wait = isKitError(error, "REGISTRY_RATE_LIMITED") ? error.details?.["retryAfterMs"] : undefined;
  return typeof wait === "number" ? wait : null;
}

async function wait(waitMs: number, { registry, report, signal }: PatienceOptions): Promise<void> {
  for (let left = waitMs; left > 0; left -= REPORT_MS) {
    report({ phase: "waiting", message: `${registry} asks to wait ${Math.ceil(left / 1000)} s` });
    await sleep(Math.min(left, REPORT_MS), undefined, { signal });
  }
}

function withWait(error: KitError, retryAfterMs: number): Error {
  const { message, remedy, stage, details, cause } = error;
  return fail("REGISTRY_RATE_LIMITED", message, {
    remedy,
    details: { ...details, retryAfterMs },
    ...(stage === undefined ? {} : { stage }),
    cause,
  });
}
