/**
 * Builds an image and reports it only when the engine shows it.
 *
 * - B1  The stream must end with the image's id; a stream that merely ends is a failure.
 * - B2  Every tag that is reported points, by an inspect after the build, to the image that was built.
 * - B3  What is wrong with the context is the build's failure, before the engine's words about it.
 * - B4  No value of its secrets leaves a build, as `mask-build.ts` says.
 * - B5  A build whose connection breaks is not repeated: the engine may have run its steps.
 */
import { join } from "node:path";
import { isKitError } from "@container-kit/errors";
import { createRedactor } from "@container-kit/observability";
import type { Redactor, Secret } from "@container-kit/observability";
import { readTextFile } from "../context/read-text-file.ts";
import { resolveContext } from "../context/resolve-context.ts";
import { errorOf, readProgress } from "../wire/progress-stream.ts";
import type { ProgressRecord } from "../wire/progress-stream.ts";
import type { EngineContext } from "../engine/context.ts";
import type { Bounded } from "../engine/operate.ts";
import { EngineStatusError } from "../wire/engine-error.ts";
import type { Transport } from "../wire/transport.ts";
import { fail } from "../errors.ts";
import { inspectImage } from "../images/inspect.ts";
import { normalizeReference, withDefaultTag } from "../reference/normalize.ts";
import { parsePlatform } from "../reference/platform.ts";
import type { ImageDetails } from "../types.ts";
import type { BuildOptions, BuildResult } from "./types.ts";
import { guardCallbacks } from "./build-callbacks.ts";
import type { BuildCallbacks } from "./build-callbacks.ts";
import { buildError, isCacheLost } from "./build-error.ts";
import type { BuildObserver } from "./build-observer.ts";
import { buildWarnings, secretSettings } from "./build-warnings.ts";
import { checkBuildOptions } from "./check-options.ts";
import { startBuild } from "./deliver.ts";
import type { StartedBuild } from "./deliver.ts";
import { maskError, maskObserver } from "./mask-build.ts";
import { observeBuildkit } from "./observe-buildkit.ts";
import { observeClassic } from "./observe-classic.ts";
import { planBuild } from "./plan-build.ts";
import type { BuildPlan, PlanParts } from "./plan-build.ts";
import { learnText, readSecrets } from "./secrets.ts";
import type { ReadSecrets } from "./secrets.ts";
import { watchSilence } from "./watch-silence.ts";

/** A larger Dockerfile is a mistake or an attack. */
const LARGEST_DOCKERFILE = 4 * 1024 * 1024;
/** So many builds, where each loses its cached images to others. */
const MOST_BUILDS = 3;

/** The longest that a timer counts: silence is watched here, and not by the reader of the stream. */
const NEVER_MS = 2 ** 31 - 1;

/**
 * Builds the context's image.
 *
 * @throws INVALID_INPUT UNSUPPORTED NOT_FOUND CONTEXT_INVALID DOCKERFILE_INVALID BUILD_FAILED BASE_IMAGE_UNAVAILABLE,
 * and the engine's codes
 */
export async function buildImage(
  engine: EngineContext,
  context: string,
  options: Bounded<BuildOptions>,
): Promise<BuildResult> {
  checkBuildOptions(options);
  const redactor = createRedactor({ announcedOnly: true });
  const callbacks = guardCallbacks(options, redactor);
  const signal = AbortSignal.any([options.signal, callbacks.failed]);
  const learned: string[] = [];
  const learnSecret = (secret: Secret) => {
    learned.push(secret.reveal());
    redactor.learn(secret);
    engine.learnSecret(secret);
  };
  try {
    const tags = checkTags(options.tags);
    const platform =
      options.platform === undefined ? {} : { platform: parsePlatform(options.platform, engine.profile()) };
    const { root, dockerfile } = await resolveContext(context, options.dockerfile);
    const secrets = await readSecrets(options.secrets ?? [], { env: engine.env, learnSecret });
    const text = await readDockerfile(join(root, dockerfile));
    const own = { ...options, ...platform };
    const parts = { engine, profile: engine.profile(), root, dockerfile, text, tags, options: own, signal };
    const plan = planBuild(parts);
    for (const value of secretSettings(plan.parsed, options.buildArgs)) learnText(value, learnSecret);
    const result = await repeatWhereCacheLost(() => runBuild(parts, plan, { secrets, learned, redactor, callbacks }));
    callbacks.failed.throwIfAborted();
    return result;
  } catch (error) {
    callbacks.failed.throwIfAborted();
    throw maskError(error, redactor);
  }
}

/** The engine has answered, and nothing of the build goes on: what others removed meanwhile is no fault of its caller. */
async function repeatWhereCacheLost(build: () => Promise<BuildResult>): Promise<BuildResult> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await build();
    } catch (error) {
      if (attempt === MOST_BUILDS || !isCacheLost(error)) throw error;
    }
  }
}

interface BuildSecrets {
  readonly secrets: ReadSecrets;
  /** What whoever redacts has been told, and so must find whole in the log. */
  readonly learned: readonly string[];
  readonly redactor: Redactor;
  readonly callbacks: BuildCallbacks;
}

async function runBuild(parts: PlanParts, plan: BuildPlan, own: BuildSecrets): Promise<BuildResult> {
  const { engine, profile, root, dockerfile, tags, options, signal } = parts;
  const { transport, resolveCredential, via } = engine;
  const { content, images, query, labels, replacements } = plan;
  const { secrets, learned, redactor, callbacks } = own;
  const { onLog } = callbacks;
  const classic = { onLog, uncut: learned, ...keywordsOf(plan) };
  let observer = maskObserver(observeClassic(classic), redactor);
  let build: StartedBuild | null = null;
  try {
    const delivery = { root, dockerfile, content, query, labels, target: options.target, images, secrets };
    build = await startBuild({ transport, profile, resolveCredential, signal, ...delivery });
    const { builder } = build;
    const given = await labels;
    const fresh =
      builder === "buildkit"
        ? observeBuildkit(onLog, learned)
        : observeClassic({ ...classic, labels: Object.keys(given) });
    observer = maskObserver(fresh, redactor);
    const imageId = await followBuild(build, observer, parts, own);
    const image = await readBack(transport, imageId, tags, signal);
    return {
      imageId: image.imageId,
      tags,
      size: image.size,
      layers: image.layers.length,
      steps: observer.steps(),
      warnings: buildWarnings({
        ...parts,
        ...plan,
        builder,
        unusedArguments: observer.unusedArguments(),
        missingLabels: missingIn(image, given),
      }).map((warning) => redactor.text(warning)),
      baseImages: replacements,
      builder,
      via,
      context: build.count(),
    };
  } catch (error) {
    throw failureOf(error, build, (message) => buildError(redactor.text(message), observer, parts.text));
  } finally {
    observer.finish();
    build?.close();
  }
}

/** What went wrong, by whoever knows it best. */
function failureOf(error: unknown, build: StartedBuild | null, toBuildError: (message: string) => Error): unknown {
  const own = build?.failure();
  if (isKitError(own)) return own;
  // A page of something in between is no word of the builder's.
  if (error instanceof Error && error.cause instanceof EngineStatusError && !error.cause.isOwn) return error;
  if (isKitError(error, "ENGINE_ERROR") || isKitError(error, "INVALID_INPUT"))
    return toBuildError(error.message.replace(/^the build failed: /, ""));
  const credential = build?.credentialFailure();
  return isKitError(error, "BASE_IMAGE_UNAVAILABLE") && isKitError(credential) ? credential : error;
}

function missingIn({ config }: ImageDetails, labels: Readonly<Record<string, string>>): readonly string[] {
  return Object.keys(labels).filter((name) => config.labels[name] !== labels[name]);
}

function keywordsOf({ parsed }: BuildPlan): { readonly keywords?: ReadonlySet<string> } {
  if (parsed === null) return {};
  return { keywords: new Set(parsed.getInstructions().map((instruction) => instruction.getKeyword())) };
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
  if (content.trim() === "")
    throw fail("DOCKERFILE_INVALID", "the Dockerfile is empty", { details: { line: 1, column: 1 } });
  return content;
}

/** Takes in what the engine says until it is done; gives the image's id. */
async function followBuild(
  { stream }: StartedBuild,
  observer: BuildObserver,
  { engine: { transport }, options, text, signal }: PlanParts,
  { redactor, callbacks: { onLog, onProgress } }: BuildSecrets,
): Promise<string> {
  const watch = watchSilence({
    transport,
    inactivityMs: options.inactivityMs,
    isStepRunning: () => observer.isStepRunning(),
    signal,
  });
  const records = readProgress(stream, { operation: "the build", signal: watch.signal, inactivityMs: NEVER_MS });
  let imageId = "";
  try {
    for await (const record of records) {
      watch.heard();
      const error = errorOf(record);
      if (error !== null) {
        onLog(error);
        throw buildError(redactor.text(error), observer, text);
      }
      imageId = imageIdOf(record) ?? imageId;
      for (const progress of observer.observe(record)) onProgress(progress);
    }
  } finally {
    watch.close();
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
  const [image, ...tagged] = await Promise.all([
    inspectImage(transport, imageId, signal),
    ...tags.map((tag) => inspectImage(transport, tag, signal)),
  ]);
  for (const [index, { imageId: found }] of tagged.entries()) {
    if (found !== image.imageId) {
      throw fail(
        "ENGINE_PROTOCOL",
        `the build failed: the engine shows ${tags[index] ?? ""} as ${found} and not as the image that it built, ${image.imageId}`,
        { stage: "read-back" },
      );
    }
  }
  return image;
}
