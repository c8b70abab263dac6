import { isImageId, normalizeReference, parseReference, withDefaultTag } from "@container-kit/docker-ops";
import type { NormalizedReference } from "@container-kit/docker-ops";
import { isKitError } from "@container-kit/errors";
import { fail } from "./errors.ts";

/**
 * Reads a reference that a caller gave, before the engine is asked: a wrong one is told as such also where there is no
 * engine.
 *
 * @throws INVALID_REFERENCE
 */
export function readReference(text: string): NormalizedReference {
  return withDefaultTag(normalizeReference(text));
}

/** The same for what goes to a registry, which is a tag. @throws INVALID_REFERENCE */
export function readTag(text: string): NormalizedReference {
  const reference = readReference(text);
  if (reference.digest === undefined) return reference;
  throw fail("INVALID_REFERENCE", `${text} has a digest, and a push goes to a tag`, {
    details: { reference: text },
    remedy: "Name the tag without a digest; the result tells the digest that the registry holds.",
  });
}

/**
 * Whether a tag says where it is to be pushed. One that names no registry would go to Docker Hub, which nobody asked for.
 */
export function namesRegistry(tag: string): boolean {
  return parseReference(tag).registry !== "" && normalizeReference(tag).registry === parseReference(tag).registry;
}

/** The registry that a reference names or means; undefined where it is none, which is told elsewhere. */
export function registryOf(text: string): string | undefined {
  try {
    return normalizeReference(text).registry;
  } catch (error) {
    if (isKitError(error, "INVALID_REFERENCE")) return undefined;
    throw error;
  }
}

/** The same where an image id will do as well. @throws INVALID_REFERENCE */
export function checkImage(text: string): void {
  if (!isImageId(text)) readReference(text);
}
