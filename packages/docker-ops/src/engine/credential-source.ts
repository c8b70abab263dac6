import type { CredentialReference } from "../credentials/reference.ts";
import { resolveCredential } from "../credentials/resolve.ts";
import type { Credential } from "../credentials/types.ts";
import type { ConnectOptions } from "./connect.ts";
import type { EngineContext } from "./context.ts";

/** Where operations get credentials; what they hold is told to whoever redacts before it is used. */
export function createCredentialSource(
  { env = process.env, onSecret }: Pick<ConnectOptions, "env" | "onSecret">,
  credentials: readonly CredentialReference[],
): EngineContext["resolveCredential"] {
  return async (registry, signal): Promise<Credential> => {
    const credential = await resolveCredential(registry, { env, signal, credentials });
    for (const secret of [credential.password, credential.identityToken, credential.registryToken])
      if (secret !== undefined) onSecret?.(secret);
    return credential;
  };
}
