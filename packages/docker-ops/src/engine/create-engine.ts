/** Hands out the operations of a connected engine, each under its deadline and counted. */
import { buildImage } from "../build/build-image.ts";
import { probeImage } from "../containers/probe.ts";
import { resolveCredential } from "../credentials/resolve.ts";
import { createFreshnessCache } from "../images/freshness.ts";
import { inspectImage } from "../images/inspect.ts";
import { pullImage } from "../images/pull.ts";
import { pushImage } from "../images/push.ts";
import { imageHistory, listImages, loadImages, removeImage, saveImages } from "../images/store.ts";
import { tagImage } from "../images/tag.ts";
import { checkLogin } from "../registry/check-login.ts";
import type { Engine } from "../types.ts";
import type { Connection, ConnectOptions } from "./connect.ts";
import type { EngineContext } from "./context.ts";
import { withDeadline } from "./deadline.ts";
import { isInsecureRegistry } from "./insecure-registries.ts";
import { createMetricsRecorder } from "./metrics.ts";

function createContext({ transport, profile }: Connection, options: ConnectOptions): EngineContext {
  const { env = process.env, baseImages = {}, onSecret } = options;
  return {
    transport,
    via: "api",
    profile: () => profile,
    env,
    baseImages,
    freshness: createFreshnessCache(),
    learnSecret: (secret) => onSecret?.(secret),
    isInsecure: (registry, signal) => isInsecureRegistry(transport, registry, signal),
    waitUntilBack: () => Promise.resolve(),
    resolveCredential: async (registry, signal) => {
      const credential = await resolveCredential(registry, { env, signal });
      for (const secret of [credential.password, credential.identityToken, credential.registryToken])
        if (secret !== undefined) onSecret?.(secret);
      return credential;
    },
  };
}

export function createEngine(connection: Connection, options: ConnectOptions): Engine {
  const { endpoint, transport, profile } = connection;
  const context = createContext(connection, options);
  const { via } = context;
  const metrics = createMetricsRecorder();
  return {
    endpoint,
    profile,
    identity: { id: "", name: "" },
    pull: (image, pullOptions = {}) =>
      metrics.measure(
        "pull",
        () => pullImage(context, image, pullOptions),
        ({ bytes, freshness }) => ({
          bytes,
          ...(freshness === "cache" ? { cacheHits: 1 } : { cacheMisses: 1 }),
        }),
      ),
    push: (image, pushOptions = {}) => metrics.measure("push", () => pushImage(context, image, pushOptions), bytesOf),
    tag: (source, target, tagOptions = {}) =>
      metrics.measure("tag", () =>
        withDeadline("tag", tagOptions, async (signal) => ({
          ...(await tagImage(transport, source, target, { force: tagOptions.force ?? false, signal })),
          via,
        })),
      ),
    build: (folder, buildOptions) =>
      metrics.measure(
        "build",
        () => buildImage(context, folder, buildOptions),
        ({ context: { bytes }, steps }) => {
          const cacheHits = steps.filter(({ cached }) => cached).length;
          return { bytes, cacheHits, cacheMisses: steps.length - cacheHits };
        },
      ),
    inspect: (image, operation = {}) =>
      metrics.measure("inspect", () =>
        withDeadline("inspect", operation, (signal) => inspectImage(transport, image, signal)),
      ),
    list: (operation = {}) =>
      metrics.measure("list", () => withDeadline("inspect", operation, (signal) => listImages(transport, signal))),
    remove: (image, removeOptions = {}) =>
      metrics.measure("remove", () =>
        withDeadline("tag", removeOptions, (signal) =>
          removeImage(transport, image, { force: removeOptions.force ?? false, signal }),
        ),
      ),
    history: (image, operation = {}) =>
      metrics.measure("history", () =>
        withDeadline("inspect", operation, (signal) => imageHistory(transport, image, signal)),
      ),
    save: (images, operation = {}) =>
      metrics.measure("save", () =>
        withDeadline("archive", operation, (signal) => saveImages(transport, images, signal)),
      ),
    load: (archive, operation = {}) =>
      metrics.measure("load", () =>
        withDeadline("archive", operation, (signal) => loadImages(transport, archive, operation, signal)),
      ),
    probe: (image, probeOptions) => metrics.measure("probe", () => probeImage(transport, image, probeOptions)),
    checkLogin: (registry, loginOptions = {}) =>
      metrics.measure("login", () =>
        withDeadline("inspect", loginOptions, async (signal) => {
          const { repository } = loginOptions;
          const credential = await context.resolveCredential(registry, signal);
          const insecure = await context.isInsecure(registry, signal);
          const query = { registry, credential, insecure, signal };
          return checkLogin(repository === undefined ? query : { ...query, repository });
        }),
      ),
    metrics: () => metrics.snapshot(),
    // Nothing is kept open between two calls (transport, T1); the method is there so that callers need not know.
    close: () => Promise.resolve(),
  };
}

function bytesOf({ bytes }: { readonly bytes: number }): { readonly bytes: number } {
  return { bytes };
}
