/** Says which of our codes a failed build is, from the builder's own words. */
import { isKitError } from "@container-kit/errors";
import { fail } from "../errors.ts";
import { oneLine } from "../wire/engine-error.ts";
import type { BuildObserver } from "./build-observer.ts";
import { locateError } from "./locate-error.ts";

/** Texts of BuildKit's parser and frontend, the classic builder's and buildah's. */
const PARSE_ERROR =
  /dockerfile parse error|parse error on line|unknown instruction|unknown flag|cannot be empty|no build stage in current context|file with no instructions|failed to parse dockerfile|syntax error - can't find|requires (?:exactly |at least )?\w+ arguments?|dockerfile contains no|invalid from flag|can't use.{0,20}as a base image|target stage .{0,200} (?:could not be found|not found)|failed to reach build target|failed to parse stage name|invalid reference format|repository name must be lowercase|only supports the --|base name .{0,600} should not be blank|isn't allowed as an onbuild trigger|must have two arguments|invalid containerport|unsupported mount type|no FROM statement found|no stages to build|was not found in the provided Dockerfile|invalid mount type|flag provided but not defined|no stage or image found with that name|dockerfile line greater than max allowed size/i;

/** What only BuildKit reads, said by the classic builder (moby `dockerfile/dispatchers.go`). */
const NEEDS_BUILDKIT = /the --[\w-]{1,40} option requires BuildKit/i;

/** A secret that the step needs and nobody gave (buildkit `solver/llbsolver/mounts`; buildah `internal/parse`). */
const SECRET_MISSING = /\bsecret (\S{1,200}?):? not found|no secret with id (\S{1,200}) found/i;

/** A registry that wants a credential, or another one. */
const SIGN_IN = /unauthorized|authentication required|no basic auth credentials|access denied|denied: /i;

const BASE_STEP = /^\[internal\] load metadata for |^resolve image config for |^(?:\[[^\]]{1,200}\] )?FROM /i;
/** The image that a `# syntax=` line names. */
const FRONTEND_STEP = /^resolve image config for /i;
const BASE_ERROR =
  /pull access denied|manifest unknown|manifest for .{1,600} not found|failed to resolve source metadata|failed to do request|no such host|connection refused|i\/o timeout|unable to find image|error creating build container|initializing source|image not known|: not found$|failed with status code|toomanyrequests|unauthorized|authentication required|no basic auth credentials|denied: /i;

const COPY_MISSING =
  /failed to compute cache key|failed to calculate checksum|copy failed|add failed|no such file or directory/i;

/** buildah looks for a cached image among all that the store has, and one of them was removed meanwhile by somebody else. */
const CACHE_LOST = /checking if cached image exists from a previous build: .{1,600} not known/is;

/** What BuildKit puts before the words that matter. */
const NOISE =
  /^failed to solve(?: with frontend [\w.]+)?: (?:rpc error: code = \w+ desc = )?(?:failed to create LLB definition: )?/;

/** buildah's inner state after the words that matter; the image's environment is in it, with every value. */
const INNER_STATE = /\s?&imagebuilder\.Step\{.*$/s;

/**
 * A step's own command failed. The builders quote the command, so nothing else may be read out of such a message: a
 * command that prints "cannot be empty" is no fault of the Dockerfile's grammar.
 */
const STEP_FAILED =
  /executor failed running \[|process ".*" did not complete successfully|returned a non-zero code: \d+|while running runtime: exit status/s;

/**
 * The error for what the builder said.
 *
 * @param content the Dockerfile, to tell the place of a mistake in it
 */
export function buildError(message: string, observer: BuildObserver, content: string): Error {
  const step = observer.failedStep();
  const logTail = observer.logTail();
  const withLog = logTail === "" ? {} : { logTail };
  const text = oneLine(message.replace(INNER_STATE, "").replace(NOISE, ""));
  const isStep = STEP_FAILED.test(message);
  if (!isStep && /no space left on device/i.test(message))
    return fail("ENGINE_DISK_FULL", `the build failed: ${text}`, withLog);
  if (!isStep && CACHE_LOST.test(message)) {
    return fail("ENGINE_ERROR", `the build failed: ${text}`, {
      ...withLog,
      remedy: "Build again: an image that the engine looked at for its cache was removed at that moment.",
    });
  }
  if (!isStep && NEEDS_BUILDKIT.test(message)) {
    return fail("UNSUPPORTED", `the Dockerfile needs BuildKit: ${text}`, {
      remedy: "Use an engine with BuildKit (docker 18.09 or newer), or leave the option out.",
    });
  }
  if (!isStep && PARSE_ERROR.test(message)) {
    const place = locateError(message, content);
    return fail(
      "DOCKERFILE_INVALID",
      `the Dockerfile is not valid: ${text}`,
      place === null ? {} : { details: { ...place } },
    );
  }
  if (!isStep && BASE_ERROR.test(message) && (step === null || BASE_STEP.test(step))) {
    const isFrontend = step !== null && FRONTEND_STEP.test(step);
    const what = isFrontend ? "the image of the `# syntax=` line" : "a base image";
    return fail("BASE_IMAGE_UNAVAILABLE", `${what} is not to be had: ${text}`, {
      ...withLog,
      ...(isFrontend ? { remedy: FRONTEND_REMEDY } : {}),
      ...(!isFrontend && SIGN_IN.test(message)
        ? { remedy: "Sign in to the base image's registry with `docker login`, and check that the image is there." }
        : {}),
      ...(step === null ? {} : { details: { step } }),
    });
  }
  const remedy = isStep ? {} : remedyFor(message);
  const at = step === null ? "" : ` at ${oneLine(step)}`;
  return fail("BUILD_FAILED", `the build failed${at}: ${text}`, {
    ...withLog,
    ...remedy,
    stage: "build",
    ...(step === null ? {} : { details: { step } }),
  });
}

/** Whether a build came to nothing because another's image went while the engine looked for cached ones. */
export function isCacheLost(error: unknown): boolean {
  return isKitError(error, "ENGINE_ERROR") && CACHE_LOST.test(error.message);
}

const FRONTEND_REMEDY =
  'Check the `# syntax=` line at the top of the Dockerfile and its registry, leave the line out, or map its image to "builtin" with baseImages in container-kit.yaml.';

function remedyFor(message: string): { readonly remedy?: string } {
  const [, named, withId] = SECRET_MISSING.exec(message) ?? [];
  const secret = named ?? withId;
  if (secret !== undefined) return { remedy: `Give the secret ${secret} in \`secrets\`; the step needs it.` };
  if (COPY_MISSING.test(message))
    return { remedy: "Check that the file exists in the context and is not left out by .dockerignore." };
  return {};
}
