/** Under which digests an engine knows an image in a repository. */
import { normalizeReference } from "../reference/normalize.ts";
import type { NormalizedReference } from "../reference/normalize.ts";
import type { ImageDetails } from "../types.ts";

export function holdsDigest(image: ImageDetails, reference: NormalizedReference, digest: string): boolean {
  return ownDigests(reference, image).includes(digest);
}

/**
 * The digest of an image that no registry was asked about; empty where the engine knows none, or several: Podman also
 * lists what it would call the image itself, which no registry knows.
 */
export function digestOf(reference: NormalizedReference, image: ImageDetails): string {
  if (reference.digest !== undefined) return reference.digest;
  const [only, ...others] = ownDigests(reference, image);
  return only !== undefined && others.length === 0 ? only : "";
}

function ownDigests({ registry, repository }: NormalizedReference, image: ImageDetails): readonly string[] {
  const { familiar } = normalizeReference(`${registry}/${repository}`);
  return image.digests.flatMap((text) => {
    const at = text.indexOf("@");
    return text.slice(0, at) === familiar ? [text.slice(at + 1)] : [];
  });
}
