import { isImageId, normalizeReference, withDefaultTag } from "@container-kit/docker-ops";
import type { NormalizedReference } from "@container-kit/docker-ops";

/**
 * Reads a reference that a caller gave, before the engine is asked: a wrong one is told as such also where there is no
 * engine.
 *
 * @throws INVALID_REFERENCE
 */
export function readReference(text: string): NormalizedReference {
  return withDefaultTag(normalizeReference(text));
}

/** The same where an image id will do as well. @throws INVALID_REFERENCE */
export function checkImage(text: string): void {
  if (!isImageId(text)) readReference(text);
}
