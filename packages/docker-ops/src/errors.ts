import { commonErrors, defineErrors } from "@container-kit/errors";
import type { ErrorTable } from "@container-kit/errors";

/** The codes of this package, beside the common ones. */
export const dockerErrors = {
  INVALID_REFERENCE: {
    category: "input",
    summary: "The text is not an image reference.",
    remedy: "Write it as [registry[:port]/]repository[:tag][@digest], in lower case.",
    retryable: false,
    fault: "caller",
  },
  ENGINE_UNAVAILABLE: {
    category: "engine",
    summary: "No engine answers.",
    remedy: "Start Docker or Podman, or name its endpoint in DOCKER_HOST.",
    retryable: true,
    fault: "environment",
  },
  ENGINE_FORBIDDEN: {
    category: "engine",
    summary: "The engine's socket may not be opened by this user.",
    remedy: "Add the user to the group that owns the socket and sign in again, or use a rootless engine.",
    retryable: false,
    fault: "environment",
  },
  ENGINE_BAD_ENDPOINT: {
    category: "engine",
    summary: "The endpoint that is configured is not one of an engine.",
    remedy: "Correct DOCKER_HOST or the docker context; `docker context ls` shows them.",
    retryable: false,
    fault: "caller",
  },
  ENGINE_TIMEOUT: {
    category: "engine",
    summary: "The engine did not finish, or said nothing, for too long.",
    remedy: "Try again with a longer deadline; if it repeats, look at the engine's own log.",
    retryable: true,
    fault: "environment",
  },
  ENGINE_PROTOCOL: {
    category: "engine",
    summary: "The engine answered something that is not its protocol.",
    remedy: "Check that the endpoint is a Docker or Podman engine and not a proxy or another service.",
    retryable: false,
    fault: "environment",
  },
  ENGINE_ERROR: {
    category: "engine",
    summary: "The engine refused or failed.",
    remedy: "Read the engine's message; its own log tells more.",
    retryable: false,
    fault: "environment",
  },
  ENGINE_RESTARTED: {
    category: "engine",
    summary: "The connection to the engine broke while it worked.",
    remedy: "Call again once the engine is up; nothing was reported as done.",
    retryable: true,
    fault: "environment",
  },
  ENGINE_DISK_FULL: {
    category: "engine",
    summary: "The engine has no space left.",
    remedy: "Free space with `docker system prune`, or enlarge the engine's disk.",
    retryable: false,
    fault: "environment",
  },
  AUTH_FAILED: {
    category: "registry",
    summary: "The registry did not accept the credentials, or wants some and has none.",
    remedy: "Sign in with `docker login` to that registry and call again.",
    retryable: false,
    fault: "caller",
  },
  REGISTRY_DENIED: {
    category: "registry",
    summary: "The registry knows the user and refuses the action.",
    remedy: "Ask for the right to that repository, or use a repository that is yours.",
    retryable: false,
    fault: "caller",
  },
  REGISTRY_UNAVAILABLE: {
    category: "registry",
    summary: "The registry cannot be reached or fails.",
    remedy: "Check the registry's host and port and that it is up, then call again.",
    retryable: true,
    fault: "environment",
  },
  REGISTRY_RATE_LIMITED: {
    category: "registry",
    summary: "The registry wants fewer requests.",
    remedy: "Wait and call again, or sign in for a higher limit.",
    retryable: true,
    fault: "environment",
  },
  REGISTRY_TLS: {
    category: "registry",
    summary: "The registry's TLS is not trusted, or it speaks plain HTTP.",
    remedy:
      "Install the registry's certificate authority for the engine, or list it as insecure in the engine's settings.",
    retryable: false,
    fault: "environment",
  },
  IMAGE_NOT_FOUND: {
    category: "registry",
    summary: "There is no such image where it was looked for.",
    remedy: "Check the reference, or sign in: registries show private images as missing.",
    retryable: false,
    fault: "caller",
  },
  DIGEST_MISMATCH: {
    category: "registry",
    summary: "What was read back is not what was sent.",
    remedy: "Push again; if it repeats, something else writes this tag or the registry is damaged.",
    retryable: false,
    fault: "environment",
  },
  PUSH_UNVERIFIED: {
    category: "registry",
    summary: "The engine said pushed, and the registry does not confirm it.",
    remedy: "Push again, and check that this machine and the engine see the same registry.",
    retryable: false,
    fault: "environment",
  },
  CREDENTIAL_HELPER_FAILED: {
    category: "registry",
    summary: "A docker credential helper failed.",
    remedy: "Run the helper by hand as `docker-credential-NAME get`, or remove it from the docker configuration.",
    retryable: false,
    fault: "environment",
  },
  DOCKERFILE_INVALID: {
    category: "build",
    summary: "The Dockerfile does not parse.",
    remedy: "Correct the instruction that the message names.",
    retryable: false,
    fault: "caller",
  },
  BUILD_FAILED: {
    category: "build",
    summary: "A build step failed.",
    remedy: "Read logTail for the step's own output and mend the step.",
    retryable: false,
    fault: "caller",
  },
  CONTEXT_INVALID: {
    category: "build",
    summary: "The build context cannot be sent as it is.",
    remedy: "Mend or ignore (.dockerignore) the file that the message names.",
    retryable: false,
    fault: "caller",
  },
  BASE_IMAGE_UNAVAILABLE: {
    category: "build",
    summary: "A base image is neither here nor to be had from its registry.",
    remedy: "Check the FROM line and the registry, or map the base image with baseImages in container-kit.yaml.",
    retryable: false,
    fault: "environment",
  },
} as const satisfies ErrorTable;

export const fail = defineErrors({ ...commonErrors, ...dockerErrors });

/** Every code that this package throws. */
export type DockerErrorCode = keyof typeof dockerErrors | keyof typeof commonErrors;
