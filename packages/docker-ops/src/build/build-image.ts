/**
 * Builds an image and reports it only when the engine shows it.
 *
 * - B1  The stream must end with the image's id; a stream that merely ends is a failure.
 * - B2  Every tag that is reported points, by an inspect after the build, to the image that was built.
 * - B3  What is wrong with the context is the build's failure, before the engine's words about it.
 */
import { join } from "node:path";
import { isKitError } from "@container-kit/errors";
import { readTextFile } from "../context/read-text-file.ts";
import { resolveContext } from "../context/resolve-context.ts";
import { withDeadline } from "../engine/deadline.ts";
import { errorOf, readProgress } from "../engine/progress-stream.ts";
import type { ProgressRecord } from "../engine/progress-stream.ts";
import type { EngineContext } from "../engine/context.ts";
import type { Query, Transport } from "../engine/transport.ts";
import { fail } from "../errors.ts";
import { inspectImage } from "../images/inspect.ts";
import { normalizeReference, withDefaultTag } from "../reference/normalize.ts";
import type { ImageDetails, Via } from "../types.ts";
import type { BaseImageReplacement, BuildOptions, BuildResult } from "./types.ts";
import { replaceBaseImages } from "./base-images.ts";
import { buildError } from "./build-error.ts";
import type { BuildObserver } from "./build-observer.ts";
import { startBuild } from "./deliver.ts";
import type { StartedBuild } from "./deliver.ts";
import { observeBuildkit } from "./observe-buildkit.ts";
import { observeClassic } from "./observe-classic.ts";

/** A larger Dockerfile is a mistake or an attack. */
const LARGEST_DOCKERFILE = 4 * 1024 * 1024;

/** Label that tells a reader of the image which base images were replaced. */
const REPLACED_LABEL = "io.container-kit.base-images.replaced";

export function buildImage(engine: EngineContext, context: string, options: BuildOptions): Promise<BuildResult> {
  return withDeadline("build", options, (signal) => runBuild(engine, context, options, signal));
}

async function runBuild(
  engine: EngineContext,
  context: string,
  options: BuildOptions,
  signal: AbortSignal,
): Promise<BuildResult> {
  const { transport, baseImages, resolveCredential } = engine;
  const profile = engine.profile();
  const tags = checkTags(options.tags);
  const { root, dockerfile } = await resolveContext(context, options.dockerfile);
  const { content, replacements } = replaceBaseImages(
    await readDockerfile(join(root, dockerfile)),
    baseImages,
    options.buildArgs ?? {},
  );
  const query = buildQuery({ dockerfile, tags, options, replacements });
  const onLog = options.onLog ?? (() => {});
  let observer = observeClassic(onLog);
  let build: StartedBuild | null = null;
  try {
    build = await startBuild({ transport, profile, resolveCredential, root, dockerfile, content, query, signal });
    if (build.builder === "buildkit") observer = observeBuildkit(onLog);
    const imageId = await followBuild(
      readProgress(build.stream, { operation: "the build", signal }),
      observer,
      options,
    );
    const image = await readBack(transport, imageId, tags, signal);
    return describeBuild({ image, tags, observer, replacements, build, via: engine.via });
  } catch (error) {
    const own = build?.failure();
    if (isKitError(own)) throw own;
    if (isKitError(error, "ENGINE_ERROR") || isKitError(error, "INVALID_INPUT"))
      throw buildError(error.message.replace(/^the build failed: /, ""), observer);
    throw error;
  } finally {
    observer.finish();
    build?.close();
  }
}

/** The references in docker's familiar spelling, each with a tag. */
function checkTags(tags: readonly string[]): readonly string[] {
  if (tags.length === 0)
    throw fail("INVALID_INPUT", "a build needs at least one tag", {
      details: { issues: [{ path: "tags", message: "is empty" }] },
    });
  return tags.map((tag) => {
    const reference = withDefaultTag(normalizeReference(tag));
    if (reference.digest !== undefined) {
      throw fail("INVALID_REFERENCE", `${tag} has a digest, which is known only after the build`, {
        remedy: "Give a tag without a digest.",
      });
    }
    return reference.familiar;
  });
}

async function readDockerfile(path: string): Promise<string> {
  const content = await readTextFile(path, LARGEST_DOCKERFILE).catch((cause: unknown) => {
    const reason = cause instanceof Error ? `: ${cause.message}` : "";
    throw fail("CONTEXT_INVALID", `the Dockerfile ${path} cannot be read${reason}`, { cause, details: { path } });
  });
  if (content.trim() === "") throw fail("DOCKERFILE_INVALID", "the Dockerfile is empty");
  return content;
}

interface QueryParts {
  readonly dockerfile: string;
  readonly tags: readonly string[];
  readonly options: BuildOptions;
  readonly replacements: readonly BaseImageReplacement[];
}

function buildQuery({ dockerfile, tags, options, replacements }: QueryParts): Query {
  const note = replacements.map(({ named, used }) => `${named}=${used}`).join(", ");
  const labels = { ...options.labels, ...(note === "" ? {} : { [REPLACED_LABEL]: note }) };
  return {
    dockerfile,
    t: tags,
    buildargs: options.buildArgs === undefined ? undefined : JSON.stringify(options.buildArgs),
    labels: Object.keys(labels).length === 0 ? undefined : JSON.stringify(labels),
    target: options.target,
    platform: options.platform,
    nocache: options.noCache,
    pull: options.pull,
    cachefrom: options.cacheFrom === undefined ? undefined : JSON.stringify(options.cacheFrom),
  };
}

async function followBuild(
  records: AsyncIterable<ProgressRecord>,
  observer: BuildObserver,
  { onProgress, onLog }: BuildOptions,
): Promise<string> {
  let imageId = "";
  for await (const record of records) {
    const error = errorOf(record);
    if (error !== null) {
      onLog?.(error);
      throw buildError(error, observer);
    }
    imageId = imageIdOf(record) ?? imageId;
    for (const progress of observer.observe(record)) onProgress?.(progress);
  }
  if (imageId === "") {
    const logTail = observer.logTail();
    throw fail(
      "ENGINE_PROTOCOL",
      "the build failed: the engine ended its answer without an image",
      logTail === "" ? {} : { logTail },
    );
  }
  return imageId;
}

function imageIdOf({ aux }: ProgressRecord): string | null {
  if (typeof aux !== "object" || aux === null || !("ID" in aux) || typeof aux.ID !== "string") return null;
  return aux.ID;
}

async function readBack(
  transport: Transport,
  imageId: string,
  tags: readonly string[],
  signal: AbortSignal,
): Promise<ImageDetails> {
  const image = await inspectImage(transport, imageId, signal);
  for (const tag of tags) {
    const tagged = await inspectImage(transport, tag, signal);
    if (tagged.imageId !== image.imageId) {
      throw fail(
        "ENGINE_PROTOCOL",
        `the build failed: the engine shows ${tag} as ${tagged.imageId} and not as the image that it built, ${image.imageId}`,
        { stage: "read-back" },
      );
    }
  }
  return image;
}

interface DescribeParts {
  readonly image: ImageDetails;
  readonly tags: readonly string[];
  readonly observer: BuildObserver;
  readonly replacements: readonly BaseImageReplacement[];
  readonly build: StartedBuild;
  readonly via: Via;
}

function describeBuild({ image, tags, observer, replacements, build, via }: DescribeParts): BuildResult {
  return {
    imageId: image.imageId,
    tags,
    size: image.size,
    layers: image.layers.length,
    steps: observer.steps(),
    warnings: replacements.map(({ named, used }) => `built on ${used} in place of ${named}, as the configuration says`),
    baseImages: replacements,
    builder: build.builder,
    via,
    context: build.count(),
  };
}
