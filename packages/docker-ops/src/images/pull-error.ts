/** What the engine itself knows about why a pull failed. */
import { isKitError } from "@container-kit/errors";
import type { KitError } from "@container-kit/errors";
import type { EngineContext } from "../engine/context.ts";
import { fail } from "../errors.ts";
import type { DockerErrorCode } from "../errors.ts";
import type { NormalizedReference } from "../reference/normalize.ts";
import type { ImageDetails } from "../types.ts";
import { findByShortId } from "./inspect.ts";

interface FailedPull {
  readonly error: unknown;
  readonly context: EngineContext;
  /** As it was asked for. */
  readonly image: string;
  readonly reference: NormalizedReference;
  /** What the engine had under that name. */
  readonly before: ImageDetails | null;
  readonly signal: AbortSignal;
}

export async function pullError(failed: FailedPull): Promise<unknown> {
  const { error, reference, before, signal } = failed;
  if (!isKitError(error) || signal.aborted) return error;
  if (before !== null) return error.code === "CONFLICT" ? digestTaken(error, reference, before) : error;
  return error.category === "registry" ? withShortId(error, failed) : error;
}

/** moby keeps a digest for the image that had it first, also where the digest is that of a list of platforms. */
function digestTaken(cause: KitError, { familiar }: NormalizedReference, { imageId, platform }: ImageDetails): Error {
  return fail(
    "CONFLICT",
    `${familiar} is here for ${platform}, and the engine does not put another image in its place`,
    {
      cause,
      details: { reference: familiar, existing: imageId, platform },
      remedy: "Remove that image first, or pull by a tag.",
    },
  );
}

/** By the grammar the beginning of an id is a name, and pulled as one; whoever has an image of that id means that. */
async function withShortId(failure: KitError, { context, image, signal }: FailedPull): Promise<Error> {
  const { code, message, stage, details, cause } = failure;
  // That the engine cannot be asked now must not hide why the pull failed.
  const found = await findByShortId(context.transport, image, signal).catch(() => null);
  if (found === null) return failure;
  const remedy = `The engine has the image ${found.imageId}, whose id begins so: it is there, and is not pulled by its id.`;
  return fail(code as DockerErrorCode, message, {
    remedy,
    cause,
    ...(stage === undefined ? {} : { stage }),
    ...(details === undefined ? {} : { details }),
  });
}
