import type { Runtime } from "@container-kit/atomic-runtime";
import type { ContextStore, EventBus } from "@container-kit/context-sharing";
import type { Logger } from "@container-kit/observability";
import type { SessionStore } from "@container-kit/session";

const LOOK_EVERY_MS = 5_000;
const RECOVER_EVERY_MS = 30_000;
const SWEEP_EVERY_MS = 5 * 60_000;
const PRUNE_EVERY_MS = 60 * 60 * 1000;

/** What a program does beside its calls, for as long as it is open. */
export interface Upkeep {
  /** Ends it; waits for what is under way. */
  close(): Promise<void>;
}

/**
 * Looks after what others left, off the path of any call.
 *
 * - U1  What a dead process left is marked as interrupted, and undone: at the start, within seconds of its death, and now
 *       and then what could not be undone before.
 * - U2  Sessions that expired long ago go, and old events, an hour after the start at the earliest: a short program prunes
 *       nothing. Context entries that have expired go every five minutes; whoever asks for one is not given it anyway.
 * - U3  A store that is busy or full costs only this round; it is told, and tried again.
 */
export function startUpkeep({
  runtime,
  sessions,
  context,
  events,
  logger,
}: {
  readonly runtime: Pick<Runtime, "recover">;
  readonly sessions: Pick<SessionStore, "prune" | "recoverInterrupted">;
  readonly context: Pick<ContextStore, "sweep">;
  readonly events: Pick<EventBus, "prune">;
  readonly logger: Logger;
}): Upkeep {
  const stop = new AbortController();
  let round: Promise<void> = Promise.resolve();
  const after = async (before: Promise<void>, what: string, work: () => Promise<unknown>): Promise<void> => {
    await before;
    if (stop.signal.aborted) return;
    try {
      await work();
    } catch (error) {
      logger.warn("A part of the upkeep failed; it is tried again.", { what, error });
    }
  };
  const inTurn = (what: string, work: () => Promise<unknown>): void => {
    round = after(round, what, work);
  };
  const recover = (): void => inTurn("recovery", () => runtime.recover());
  const look = (): void =>
    inTurn("recovery", async () => {
      const { executions, jobs } = await sessions.recoverInterrupted();
      if (executions + jobs === 0) return;
      logger.warn("Work of a process that died was found.", { executions, jobs });
      await runtime.recover();
    });
  const sweep = (): void => inTurn("sweeping", () => context.sweep({ signal: stop.signal }));
  const prune = (): void => {
    inTurn("pruning", () => sessions.prune({ signal: stop.signal }));
    inTurn("pruning of events", () => events.prune({ signal: stop.signal }));
  };
  const timers = [
    setInterval(look, LOOK_EVERY_MS),
    setInterval(recover, RECOVER_EVERY_MS),
    setInterval(sweep, SWEEP_EVERY_MS),
    setInterval(prune, PRUNE_EVERY_MS),
  ];
  for (const timer of timers) timer.unref();
  recover();
  return {
    async close() {
      for (const timer of timers) clearInterval(timer);
      stop.abort();
      await round;
    },
  };
}
