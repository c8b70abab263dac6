/** Asks the registry of a reference which digest it has for it. */
import type { Credential } from "../credentials/types.ts";
import type { EngineContext } from "../engine/context.ts";
import type { NormalizedReference } from "../reference/normalize.ts";
import { openRegistry } from "../registry/client.ts";
import { findManifest } from "../registry/manifest.ts";

export interface DigestQuery {
  readonly credential: Credential;
  readonly signal: AbortSignal;
}

/**
 * @returns null when the registry has no such manifest
 * @throws AUTH_FAILED REGISTRY_DENIED REGISTRY_UNAVAILABLE REGISTRY_RATE_LIMITED REGISTRY_TLS
 */
export async function askForDigest(
  { isInsecure, learnSecret }: EngineContext,
  { registry, repository, tag = "latest", digest }: NormalizedReference,
  { credential, signal }: DigestQuery,
): Promise<string | null> {
  const insecure = await isInsecure(registry, signal);
  const client = openRegistry({ registry, credential, insecure, learnSecret });
  const manifest = await findManifest(client, { repository, reference: digest ?? tag, signal });
  return manifest?.digest ?? null;
}
