/**
 * Reads a push back from the registry.
 *
 * - V1  What was pushed is asked for by its digest; what the registry shows under it has that digest.
 * - V2  What the tag points to is asked for beside it. Another digest there is somebody else's push: told, no failure.
 */
import { isKitError } from "@container-kit/errors";
import { fail } from "../errors.ts";
import type { NormalizedReference } from "../reference/normalize.ts";
import type { RegistryClient } from "../registry/client.ts";
import { findManifest } from "../registry/manifest.ts";
import type { ManifestDescriptor } from "../registry/manifest.ts";

export interface PushEvidence {
  readonly reference: NormalizedReference;
  /** What the engine said; null where it does not tell. */
  readonly pushed: string | null;
  readonly client: RegistryClient;
  readonly signal: AbortSignal;
}

export interface VerifiedPush {
  readonly digest: string;
  /** Where the tag points to something else. */
  readonly tagDigest?: string;
  readonly warnings: readonly string[];
}

/** @throws PUSH_UNVERIFIED DIGEST_MISMATCH; REGISTRY_RATE_LIMITED REGISTRY_UNAVAILABLE for the caller to ask again */
export async function verifyPush({ reference, pushed, client, signal }: PushEvidence): Promise<VerifiedPush> {
  const { familiar, registry, repository, tag = "latest" } = reference;
  const details = { reference: familiar, registry, ...(pushed === null ? {} : { pushed }) };
  const [byDigest, byTag] = await Promise.all([
    pushed === null ? null : findManifest(client, { repository, reference: pushed, signal }),
    askTag(client, { repository, reference: tag, signal }, pushed !== null),
  ]);
  const missing = pushed !== null && byDigest === null ? pushed : byTag === null ? tag : null;
  if (missing !== null) {
    throw fail("PUSH_UNVERIFIED", `${registry} has no manifest ${missing} of ${repository} after the push`, {
      stage: "read-back",
      details,
    });
  }
  if (pushed !== null && byDigest !== null && byDigest.digest !== pushed) {
    throw fail("DIGEST_MISMATCH", `${pushed} was pushed and ${registry} answers with ${byDigest.digest}`, {
      stage: "read-back",
      details: { ...details, found: byDigest.digest },
    });
  }
  return compare(pushed, byTag, reference);
}

function compare(pushed: string | null, byTag: ManifestDescriptor | string | null, { familiar }: NormalizedReference) {
  const tagDigest = typeof byTag === "string" || byTag === null ? null : byTag.digest;
  const digest = pushed ?? tagDigest ?? "";
  if (typeof byTag === "string") {
    return { digest, warnings: [`${digest} is there, and what ${familiar} points to was not to be learnt: ${byTag}`] };
  }
  if (tagDigest === null || tagDigest === digest) return { digest, warnings: [] };
  return {
    digest,
    tagDigest,
    warnings: [`${digest} was pushed, and ${familiar} points to ${tagDigest} by now: somebody else has moved it`],
  };
}

/** Why it cannot be told, where the push is proved without it. */
async function askTag(
  client: RegistryClient,
  query: Parameters<typeof findManifest>[1],
  proved: boolean,
): Promise<ManifestDescriptor | string | null> {
  try {
    return await findManifest(client, query);
  } catch (error) {
    if (!proved || query.signal.aborted || !isKitError(error)) throw error;
    return error.message;
  }
}
