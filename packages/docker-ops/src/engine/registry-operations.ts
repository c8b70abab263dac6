import { buildImage } from "../build/build-image.ts";
import type { BuildOptions, BuildResult } from "../build/types.ts";
import type { CredentialSource } from "../credentials/types.ts";
import { pullImage } from "../images/pull.ts";
import { pushImage } from "../images/push.ts";
import { askForDigest } from "../images/registry-digest.ts";
import { normalizeReference, withDefaultTag } from "../reference/normalize.ts";
import { checkLogin } from "../registry/check-login.ts";
import type { Engine, PullResult } from "../types.ts";
import type { EngineContext } from "./context.ts";
import type { CallFigures } from "./metrics.ts";
import type { Operate } from "./operate.ts";

/** The options of a caller who has none and no types to say so; the build refuses them. */
const UNTYPED: BuildOptions = { tags: [] };

type RegistryOperations = Pick<Engine, "pull" | "push" | "build" | "checkLogin" | "findDigest">;

/**
 * The operations in which a registry may take part.
 *
 * @param forBaseImages credentials for what a Dockerfile names, which the caller did not
 */
export function registryOperations(
  operate: Operate,
  context: EngineContext,
  forBaseImages: CredentialSource,
): RegistryOperations {
  return {
    pull: (image, options = {}) =>
      operate({ operation: "pull", deadline: "pull", options, figures: pullFigures }, (given) =>
        pullImage(context, image, given),
      ),
    push: (image, options = {}) =>
      operate({ operation: "push", deadline: "push", options, figures: ({ bytes }) => ({ bytes }) }, (given) =>
        pushImage(context, image, given),
      ),
    build: (folder, options) =>
      operate({ operation: "build", deadline: "build", options: options ?? UNTYPED, figures: buildFigures }, (given) =>
        buildImage({ ...context, resolveCredential: forBaseImages }, folder, given),
      ),
    findDigest: (image, options = {}) =>
      operate({ operation: "digest", deadline: "inspect", options }, async ({ signal }) => {
        const reference = withDefaultTag(normalizeReference(image));
        const credential = await context.resolveCredential(reference.registry, signal);
        return askForDigest(context, reference, { credential, signal });
      }),
    checkLogin: (registry, options = {}) =>
      operate({ operation: "login", deadline: "login", options }, async ({ repository, signal }) => {
        const query = {
          registry,
          credential: await context.resolveCredential(registry, signal),
          insecure: await context.isInsecure(registry, signal),
          learnSecret: context.learnSecret,
          signal,
        };
        return checkLogin(repository === undefined ? query : { ...query, repository });
      }),
  };
}

function pullFigures({ bytes, freshness }: PullResult): CallFigures {
  return { bytes, ...(freshness === "cache" ? { cacheHits: 1 } : { cacheMisses: 1 }) };
}

function buildFigures({ context: { bytes }, steps }: BuildResult): CallFigures {
  const cacheHits = steps.filter(({ cached }) => cached).length;
  return { bytes, cacheHits, cacheMisses: steps.length - cacheHits };
}
