/** Credentials for the registries of a Dockerfile's images, for builders that cannot ask for them as BuildKit does. */
import { isKitError } from "@container-kit/errors";
import { registryKey } from "../credentials/registry-key.ts";
import type { Credential, CredentialSource } from "../credentials/types.ts";
import { normalizeReference } from "../reference/normalize.ts";

export interface RegistryConfig {
  /**
   * The value of `X-Registry-Config`: JSON in padded base64url, from the registry's key to its credential (moby API,
   * "Build an image"). Absent where no registry has a credential.
   */
  readonly header?: string;
  /** The first credential that could not be had; it matters only when the base image cannot be had either. */
  readonly failure: unknown;
}

export async function registryConfig(
  images: readonly string[],
  resolveCredential: CredentialSource,
  signal: AbortSignal,
): Promise<RegistryConfig> {
  const registries = [...new Set(images.flatMap(registryOf))];
  const answers = await Promise.allSettled(registries.map((registry) => resolveCredential(registry, signal)));
  signal.throwIfAborted();
  const entries = answers.flatMap((answer, index) => {
    const fields = answer.status === "fulfilled" ? loginFields(answer.value) : null;
    return fields === null ? [] : [[registryKey(registries[index] ?? ""), fields] as const];
  });
  const failure: unknown = answers.find((answer) => answer.status === "rejected")?.reason ?? null;
  if (entries.length === 0) return { failure };
  return { header: base64url(JSON.stringify(Object.fromEntries(entries))), failure };
}

function registryOf(image: string): readonly string[] {
  try {
    return [normalizeReference(image).registry];
  } catch (error) {
    if (isKitError(error, "INVALID_REFERENCE")) return [];
    throw error;
  }
}

function loginFields({ username, password, identityToken }: Credential): Readonly<Record<string, string>> | null {
  if (identityToken !== undefined) return { identitytoken: identityToken.reveal() };
  if (username === undefined || password === undefined) return null;
  return { username, password: password.reveal() };
}

function base64url(text: string): string {
  return Buffer.from(text).toString("base64").replaceAll("+", "-").replaceAll("/", "_");
}
