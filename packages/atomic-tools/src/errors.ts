import { commonErrors, defineErrors } from "@container-kit/errors";
import { dockerErrors } from "@container-kit/docker-ops";
import type { ErrorTable } from "@container-kit/errors";

/** The codes of this package, beside the common ones. */
export const toolErrors = {
  PATH_DENIED: {
    category: "input",
    summary: "The path lies outside the folders that the server may read.",
    remedy: "Use a path below one of details.roots, or start the server with --root for that folder.",
    retryable: false,
    fault: "caller",
  },
} as const satisfies ErrorTable;

export const fail = defineErrors({
  ...commonErrors,
  ...toolErrors,
  // The codes of docker-ops, for what is found before the engine or the registry would find it.
  DOCKERFILE_INVALID: dockerErrors.DOCKERFILE_INVALID,
  INVALID_REFERENCE: dockerErrors.INVALID_REFERENCE,
  AUTH_FAILED: dockerErrors.AUTH_FAILED,
  REGISTRY_DENIED: dockerErrors.REGISTRY_DENIED,
  IMAGE_NOT_FOUND: dockerErrors.IMAGE_NOT_FOUND,
});
