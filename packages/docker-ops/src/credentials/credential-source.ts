import type { Secret } from "@container-kit/observability";
import type { CredentialReference } from "./reference.ts";
import { resolveCredential } from "./resolve.ts";
import type { ResolveOptions } from "./resolve.ts";
import type { Credential, CredentialSource } from "./types.ts";

/** Where operations get credentials; what they hold is told to whoever redacts before it is used. */
export function createCredentialSource(
  { env = process.env, onSecret }: Pick<ResolveOptions, "env"> & { readonly onSecret?: (secret: Secret) => void },
  credentials: readonly CredentialReference[],
): CredentialSource {
  return async (registry, signal): Promise<Credential> => {
    const credential = await resolveCredential(registry, { env, signal, credentials });
    for (const secret of [credential.password, credential.identityToken, credential.registryToken])
      if (secret !== undefined) onSecret?.(secret);
    return credential;
  };
}
