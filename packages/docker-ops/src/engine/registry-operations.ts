import type { CredentialSource } from "../credentials/types.ts";
import { buildImage } from "../build/build-image.ts";
import type { BuildResult } from "../build/types.ts";
import { pullImage } from "../images/pull.ts";
import { pushImage } from "../images/push.ts";
import { checkLogin } from "../registry/check-login.ts";
import type { Engine, PullResult } from "../types.ts";
import type { EngineContext } from "./context.ts";
import type { CallFigures } from "./metrics.ts";
import type { Operate } from "./operate.ts";

type RegistryOperations = Pick<Engine, "pull" | "push" | "build" | "checkLogin">;

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
      operate({ operation: "pull", deadline: "pull", options, figures: pullFigures }, (signal) =>
        pullImage(context, image, { ...options, signal }),
      ),
    push: (image, options = {}) =>
      operate({ operation: "push", deadline: "push", options, figures: ({ bytes }) => ({ bytes }) }, (signal) =>
        pushImage(context, image, { ...options, signal }),
      ),
    build: (folder, options) =>
      operate({ operation: "build", deadline: "build", options, figures: buildFigures }, (signal) =>
        buildImage({ ...context, resolveCredential: forBaseImages }, folder, { ...options, signal }),
      ),
    checkLogin: (registry, options = {}) =>
      operate({ operation: "login", deadline: "inspect", options }, async (signal) => {
        const { repository } = options;
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
