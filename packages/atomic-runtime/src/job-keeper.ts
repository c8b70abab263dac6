import type { Logger } from "@container-kit/observability";
import type { JobLease, SessionStore } from "@container-kit/session";
import { isKitError } from "@container-kit/errors";
import type { Stop } from "./stop.ts";

const LOOK_MS = 200;
const RENEW_MS = 5_000;

interface KeptJob {
  readonly lease: JobLease;
  readonly stop: Stop;
}

/**
 * The jobs that run in this process.
 *
 * - J1  While there are any, their leases are renewed every five seconds, and five times a second it is asked whether
 *       another process wants one of them stopped.
 * - J2  A job that was taken by another, because this process was silent for too long, is stopped here: it may begin
 *       there, and has one owner only.
 * - J3  A store that does not answer stops nothing: the lease outlives several renewals that fail.
 */
export class JobKeeper {
  readonly #sessions: SessionStore;
  readonly #logger: Logger;
  readonly #clock: () => number;
  readonly #jobs = new Map<string, KeptJob>();
  #timer: NodeJS.Timeout | undefined;
  #renewedAt = 0;
  #busy = false;

  constructor(sessions: SessionStore, logger: Logger, clock: () => number) {
    this.#sessions = sessions;
    this.#logger = logger;
    this.#clock = clock;
  }

  keep(lease: JobLease, stop: Stop): void {
    this.#jobs.set(lease.jobId, { lease, stop });
    if (this.#timer !== undefined) return;
    this.#renewedAt = this.#clock();
    this.#timer = setInterval(() => void this.#look(), LOOK_MS);
    this.#timer.unref();
  }

  drop(jobId: string): void {
    if (!this.#jobs.delete(jobId) || this.#jobs.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Stops a job that runs here; does nothing with any other. */
  cancel(jobId: string): void {
    this.#jobs.get(jobId)?.stop.now("CANCELLED", `job ${jobId} was cancelled`);
  }

  async #look(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    try {
      for (const jobId of await this.#sessions.cancelRequests()) this.cancel(jobId);
      if (this.#clock() - this.#renewedAt >= RENEW_MS) {
        this.#renewedAt = this.#clock();
        for (const job of this.#jobs.values()) await this.#renew(job);
      }
    } catch (error) {
      // J3.
      this.#logger.debug("the store could not be asked which jobs are to stop", { error });
    } finally {
      this.#busy = false;
    }
  }

  async #renew({ lease, stop }: KeptJob): Promise<void> {
    const { jobId } = lease;
    try {
      const { cancelRequested } = await this.#sessions.renewJob(lease);
      if (cancelRequested) this.cancel(jobId);
    } catch (error) {
      if (!isKitError(error, "CONFLICT")) this.#logger.warn("a job's lease could not be renewed", { jobId, error });
      else if (this.#jobs.has(jobId)) {
        stop.now("INTERRUPTED", `job ${jobId} was taken from this process, which had been silent for too long`);
      }
    }
  }
}
