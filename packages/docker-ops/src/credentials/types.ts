import type { Secret } from "@container-kit/observability";

/** Who a registry is to think we are. */
export interface Credential {
  /** Where it came from: a reference that the caller gave, a helper for this registry, the store for all, the docker configuration file itself, or nowhere. */
  readonly source: "explicit" | "helper" | "store" | "file" | "none";
  /** The key that docker knows the registry by. */
  readonly serverAddress: string;
  readonly username?: string;
  readonly password?: Secret;
  /** A refresh token instead of a password. */
  readonly identityToken?: Secret;
  /** A bearer token that is sent to the registry as it is. */
  readonly registryToken?: Secret;
  /** What is wrong with the docker configuration, in one sentence, where that may be why this credential is not another. */
  readonly problem?: string;
}

/**
 * Finds the credential for a registry (`host[:port]` or `docker.io`); what it holds has been told to whoever redacts.
 *
 * @throws CREDENTIAL_HELPER_FAILED INVALID_INPUT
 */
export type CredentialSource = (registry: string, signal: AbortSignal) => Promise<Credential>;
