/** Puts a connected engine together: what its operations work with, and the operations. */
import { silentLogger } from "@container-kit/observability";
import type { CredentialReference } from "../credentials/reference.ts";
import { createFreshnessCache } from "../images/freshness.ts";
import { createSharedTransfers } from "../images/shared-transfers.ts";
import { createTurns } from "../images/turns.ts";
import type { Engine } from "../types.ts";
import type { Connection, ConnectOptions } from "./options.ts";
import type { EngineContext } from "./context.ts";
import { createCredentialSource } from "../credentials/credential-source.ts";
import { viaOf } from "../wire/dialer.ts";
import { isInsecureRegistry } from "../registry/insecure-registries.ts";
import { createMetricsRecorder } from "./metrics.ts";
import { createOperate } from "./operate.ts";
import { registryOperations } from "./registry-operations.ts";
import { storeOperations } from "./store-operations.ts";
import { watchEngine } from "./watch.ts";
import type { EngineWatch } from "./watch.ts";

export function createEngine(
  connection: Connection,
  options: ConnectOptions,
  credentials: readonly CredentialReference[],
): Engine {
  const { endpoint, transport } = connection;
  const { context, watch } = createContext(connection, options, credentials);
  const metrics = createMetricsRecorder();
  const operate = createOperate(metrics, watch);
  // A reference that names no registry is for the one that the caller names, and a Dockerfile is not the caller.
  const bound = credentials.filter(({ registry }) => registry !== undefined);
  return {
    endpoint,
    via: context.via,
    get profile() {
      return watch.profile();
    },
    get identity() {
      return watch.identity();
    },
    ...registryOperations(operate, context, createCredentialSource(options, bound)),
    ...storeOperations(operate, context),
    metrics: () => metrics.snapshot(),
    close: () => Promise.resolve(transport.close()),
  };
}

function createContext(
  { endpoint, transport, profile, info, socket }: Connection,
  options: ConnectOptions,
  credentials: readonly CredentialReference[],
): { context: EngineContext; watch: EngineWatch } {
  const { env = process.env, baseImages = {}, onSecret, onEngineChanged, freshForMs, logger = silentLogger } = options;
  const freshness = createFreshnessCache(freshForMs === undefined ? {} : { lifetimeMs: freshForMs });
  const watch = watchEngine({
    endpoint,
    transport,
    profile,
    info,
    socket,
    logger,
    onChange: (before, after) => {
      freshness.clear();
      onEngineChanged?.(before, after);
    },
  });
  const context: EngineContext = {
    transport,
    via: viaOf(endpoint),
    profile: watch.profile,
    env,
    baseImages,
    freshness,
    pulls: createSharedTransfers(),
    turns: createTurns(),
    learnSecret: (secret) => onSecret?.(secret),
    isInsecure: (registry) => Promise.resolve(isInsecureRegistry(registry, watch.info().secureRegistries)),
    waitUntilBack: (signal) => watch.waitUntilBack(signal),
    resolveCredential: createCredentialSource(options, credentials),
  };
  return { context, watch };
}
