/**
 * Notices that another engine answers at an endpoint than the one that was connected: what is known of the old one
 * (its profile, what its registries said) is not told of the new one.
 *
 * - W1  The engine's identity is asked again when its socket was made anew, when a call broke, and else every
 *       {@link TRUSTED_MS}: an engine behind a proxy or a port may change without a trace.
 * - W2  Asking happens before an operation, so that none works with what another engine could do.
 */
import { stat } from "node:fs/promises";
import { isKitError } from "@container-kit/errors";
import type { Logger } from "@container-kit/observability";
import { setTimeout as sleep } from "node:timers/promises";
import type { EngineEndpoint } from "../endpoint/types.ts";
import { fail } from "../errors.ts";
import { isSameEngine } from "./identity.ts";
import type { EngineIdentity } from "./identity.ts";
import { readInfo } from "./info.ts";
import type { EngineInfo } from "./info.ts";
import { probeProfile } from "./probe-profile.ts";
import type { EngineProfile } from "./profile.ts";
import type { Transport } from "../wire/transport.ts";

/** What is known of the engine now. */
export interface EngineWatch {
  readonly profile: () => EngineProfile;
  readonly identity: () => EngineIdentity;
  readonly info: () => EngineInfo;
  /** W2. Asks again where W1 says so. @throws what the engine's failure is */
  check(signal: AbortSignal): Promise<void>;
  /** The next check asks again. */
  doubt(): void;
  /** Waits until the engine answers again. @throws ENGINE_UNAVAILABLE after {@link PATIENCE_MS} */
  waitUntilBack(signal: AbortSignal): Promise<void>;
}

export interface WatchParts {
  readonly endpoint: EngineEndpoint;
  readonly transport: Transport;
  readonly profile: EngineProfile;
  readonly info: EngineInfo;
  /** The mark of the socket, taken before the engine was asked what it is. */
  readonly socket: string | null;
  readonly logger: Logger;
  /** Is told that another engine answers now. */
  readonly onChange: (before: EngineIdentity, after: EngineIdentity) => void;
}

const TRUSTED_MS = 10_000;
const PATIENCE_MS = 60_000;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2000;

export function watchEngine(parts: WatchParts): EngineWatch {
  const { endpoint, transport, logger, onChange } = parts;
  let { profile, info, socket } = parts;
  let askedAt = performance.now();

  const ask = async (signal: AbortSignal): Promise<void> => {
    const before = info.identity;
    // A connection that was kept may still lead to the engine of before.
    transport.renew();
    const next = await readInfo(transport, profile.product === "podman", signal);
    if (!isSameEngine(next.identity, before)) {
      profile = await probeProfile(transport, signal);
      // Read again: how the id is told depends on the product.
      info = await readInfo(transport, profile.product === "podman", signal);
      logger.warn("Another engine answers at the endpoint now.", { host: endpoint.host, before, after: info.identity });
      onChange(before, info.identity);
    } else {
      info = next;
    }
    askedAt = performance.now();
  };

  return {
    profile: () => profile,
    identity: () => info.identity,
    info: () => info,
    doubt: () => void (askedAt = -Infinity),
    check: async (signal) => {
      const mark = await socketMark(endpoint);
      const isSame = mark === socket;
      if (isSame && performance.now() - askedAt < TRUSTED_MS) return;
      await ask(signal);
      socket = mark;
    },
    waitUntilBack: async (signal) => {
      const until = performance.now() + PATIENCE_MS;
      askedAt = -Infinity;
      for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
        await sleep(pause, undefined, { signal });
        try {
          await transport.json({ method: "GET", path: "/version", signal, operation: "waiting for the engine" });
          return;
        } catch (cause) {
          signal.throwIfAborted();
          if (performance.now() < until && isKitError(cause)) continue;
          throw fail("ENGINE_UNAVAILABLE", `the engine went away and did not come back within ${PATIENCE_MS} ms`, {
            cause,
          });
        }
      }
    },
  };
}

/** Changes when the socket is made anew, as an engine does when it starts; null where there is no socket to look at. */
export async function socketMark({ host }: EngineEndpoint): Promise<string | null> {
  if (!host.startsWith("unix://")) return null;
  const stats = await stat(host.slice("unix://".length)).catch(() => null);
  return stats === null ? null : `${stats.dev}:${stats.ino}:${stats.ctimeMs}`;
}
