/**
 * Ends a build whose engine has gone silent without taking a long step for a dead engine: a `RUN` that prints nothing
 * is silent for as long as it runs, with both builders.
 *
 * - W1  While no step runs, silence for longer than the limit ends the build.
 * - W2  While a step runs, the engine is asked whether it still answers; only when it does not is the build ended. The
 *       deadline of the build bounds the rest.
 * - W3  A limit that the caller gave holds always.
 */
import type { Transport } from "../wire/transport.ts";
import { INACTIVITY_MS } from "../wire/deadline.ts";
import { fail } from "../errors.ts";

export interface SilenceOptions {
  readonly transport: Transport;
  /** The caller's own limit, in milliseconds. */
  readonly inactivityMs: number | undefined;
  /** What holds where the caller gave none; {@link INACTIVITY_MS} by default. */
  readonly limitMs?: number;
  readonly isStepRunning: () => boolean;
  readonly signal: AbortSignal;
}

export interface SilenceWatch {
  /** Aborted with ENGINE_TIMEOUT once the silence has been too long, or with the reason of the signal that was given. */
  readonly signal: AbortSignal;
  /** The engine said something. */
  heard(): void;
  close(): void;
}

/** Milliseconds that an engine at work may take to say that it is there. */
const ANSWER_MS = 30_000;

export function watchSilence(options: SilenceOptions): SilenceWatch {
  const { transport, inactivityMs, limitMs = INACTIVITY_MS, isStepRunning, signal } = options;
  const limit = inactivityMs ?? limitMs;
  const ended = new AbortController();
  const end = (reason: string) =>
    ended.abort(fail("ENGINE_TIMEOUT", `the build failed: ${reason}`, { details: { inactivityMs: limit } }));
  const closed = AbortSignal.any([signal, ended.signal]);
  const onSilence = async () => {
    if (inactivityMs !== undefined || !isStepRunning()) {
      end(`the engine said nothing for ${limit} ms`);
    } else if (await answers(transport, AbortSignal.any([closed, AbortSignal.timeout(ANSWER_MS)]))) {
      timer.refresh();
    } else {
      end(`the engine said nothing for ${limit} ms and does not answer`);
    }
  };
  const timer = setTimeout(() => void onSilence(), limit);
  return {
    signal: closed,
    heard: () => void timer.refresh(),
    close: () => {
      clearTimeout(timer);
      ended.abort();
    },
  };
}

async function answers(transport: Transport, signal: AbortSignal): Promise<boolean> {
  try {
    await transport.json({
      method: "GET",
      path: "/version",
      signal,
      operation: "the question whether the engine answers",
    });
    return true;
  } catch {
    return false;
  }
}
