/**
 * Hands out the operations of a connected engine.
 *
 * Each runs under the caller's signal and its own deadline, after a look whether the engine is still the same one, and
 * is counted whichever way it ends.
 */
import { isKitError } from "@container-kit/errors";
import { silentLogger } from "@container-kit/observability";
import { buildImage } from "../build/build-image.ts";
import { probeImage } from "../containers/probe.ts";
import type { CredentialReference } from "../credentials/reference.ts";
import { createFreshnessCache } from "../images/freshness.ts";
import { inspectImage } from "../images/inspect.ts";
import { pullImage } from "../images/pull.ts";
import { pushImage } from "../images/push.ts";
import { createSharedTransfers } from "../images/shared-transfers.ts";
import { imageHistory, listImages, loadImages, removeImage, saveImages } from "../images/store.ts";
import { tagImage } from "../images/tag.ts";
import { checkLogin } from "../registry/check-login.ts";
import type { Engine, OperationOptions } from "../types.ts";
import type { Connection, ConnectOptions } from "./connect.ts";
import type { EngineContext } from "./context.ts";
import { createCredentialSource } from "./credential-source.ts";
import { withDeadline } from "./deadline.ts";
import type { DEADLINES } from "./deadline.ts";
import { viaOf } from "./dial.ts";
import { isInsecureRegistry } from "./insecure-registries.ts";
import { createMetricsRecorder } from "./metrics.ts";
import type { CallFigures, OperationName } from "./metrics.ts";
import { watchEngine } from "./watch.ts";
import type { EngineWatch } from "./watch.ts";

export function createEngine(
  connection: Connection,
  options: ConnectOptions,
  credentials: readonly CredentialReference[],
): Engine {
  const { endpoint, transport } = connection;
  const { context, watch } = createContext(connection, options, credentials);
  const { via } = context;
  const metrics = createMetricsRecorder();
  // A reference that names no registry is for the one that the caller names, and a Dockerfile is not the caller.
  const forBaseImages = createCredentialSource(
    options,
    credentials.filter(({ registry }) => registry !== undefined),
  );

  const operate = <Result>(
    { operation, deadline, figures, ...given }: Operation<Result>,
    run: (signal: AbortSignal) => Promise<Result>,
  ): Promise<Result> =>
    metrics.measure(
      operation,
      () =>
        withDeadline(deadline, given.options, async (signal) => {
          try {
            await watch.check(signal);
            return await run(signal);
          } catch (error) {
            if (isKitError(error, "ENGINE_RESTARTED") || isKitError(error, "ENGINE_UNAVAILABLE")) watch.doubt();
            throw error;
          }
        }),
      figures,
    );

  return {
    endpoint,
    via,
    get profile() {
      return watch.profile();
    },
    get identity() {
      return watch.identity();
    },
    pull: (image, given = {}) =>
      operate({ operation: "pull", deadline: "pull", options: given, figures: pullFigures }, (signal) =>
        pullImage(context, image, { ...given, signal }),
      ),
    push: (image, given = {}) =>
      operate({ operation: "push", deadline: "push", options: given, figures: bytesOf }, (signal) =>
        pushImage(context, image, { ...given, signal }),
      ),
    tag: (source, target, given = {}) =>
      operate({ operation: "tag", deadline: "tag", options: given }, async (signal) => ({
        ...(await tagImage(transport, source, target, { force: given.force ?? false, signal })),
        via,
      })),
    build: (folder, given) =>
      operate({ operation: "build", deadline: "build", options: given, figures: buildFigures }, (signal) =>
        buildImage({ ...context, resolveCredential: forBaseImages }, folder, { ...given, signal }),
      ),
    inspect: (image, given = {}) =>
      operate({ operation: "inspect", deadline: "inspect", options: given }, (signal) =>
        inspectImage(transport, image, signal),
      ),
    list: (given = {}) =>
      operate({ operation: "list", deadline: "inspect", options: given }, (signal) => listImages(transport, signal)),
    remove: (image, given = {}) =>
      operate({ operation: "remove", deadline: "tag", options: given }, (signal) =>
        removeImage(transport, image, { force: given.force ?? false, signal }),
      ),
    history: (image, given = {}) =>
      operate({ operation: "history", deadline: "inspect", options: given }, (signal) =>
        imageHistory(transport, image, signal),
      ),
    save: (images, given = {}) =>
      operate({ operation: "save", deadline: "archive", options: given }, (signal) =>
        saveImages(transport, images, signal),
      ),
    load: (archive, given = {}) =>
      operate({ operation: "load", deadline: "archive", options: given }, (signal) =>
        loadImages(transport, archive, given, signal),
      ),
    probe: (image, given) =>
      operate({ operation: "probe", deadline: "probe", options: given }, (signal) =>
        probeImage(transport, image, { ...given, signal }),
      ),
    checkLogin: (registry, given = {}) =>
      operate({ operation: "login", deadline: "inspect", options: given }, async (signal) => {
        const credential = await context.resolveCredential(registry, signal);
        const insecure = await context.isInsecure(registry, signal);
        const { repository } = given;
        return checkLogin({
          registry,
          credential,
          insecure,
          signal,
          learnSecret: context.learnSecret,
          ...(repository === undefined ? {} : { repository }),
        });
      }),
    metrics: () => metrics.snapshot(),
    close: () => Promise.resolve(transport.close()),
  };
}

interface Operation<Result> {
  readonly operation: OperationName;
  readonly deadline: keyof typeof DEADLINES;
  readonly options: OperationOptions;
  readonly figures?: (result: Result) => CallFigures;
}

function createContext(
  { endpoint, transport, profile, info }: Connection,
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
    learnSecret: (secret) => onSecret?.(secret),
    isInsecure: (registry) => Promise.resolve(isInsecureRegistry(registry, watch.info().secureRegistries)),
    waitUntilBack: (signal) => watch.waitUntilBack(signal),
    resolveCredential: createCredentialSource(options, credentials),
  };
  return { context, watch };
}

function bytesOf({ bytes }: { readonly bytes: number }): CallFigures {
  return { bytes };
}

function pullFigures({ bytes, freshness }: Awaited<ReturnType<Engine["pull"]>>): CallFigures {
  return { bytes, ...(freshness === "cache" ? { cacheHits: 1 } : { cacheMisses: 1 }) };
}

function buildFigures({ context: { bytes }, steps }: Awaited<ReturnType<Engine["build"]>>): CallFigures {
  const cacheHits = steps.filter(({ cached }) => cached).length;
  return { bytes, cacheHits, cacheMisses: steps.length - cacheHits };
}
