import type { Secret } from "@container-kit/observability";
import type { ResolveOptions } from "../credentials/resolve.ts";
import { createCredentialSource } from "../credentials/credential-source.ts";
import { isInsecureRegistry } from "./insecure-registries.ts";
import { withDeadline } from "../wire/deadline.ts";
import type { LoginOptions, LoginResult } from "../types.ts";
import { checkLogin } from "./check-login.ts";

/** How a login is checked without an engine. */
export interface RegistryLoginOptions extends LoginOptions, Pick<ResolveOptions, "env" | "credentials"> {
  /** Is told every secret that is used. */
  readonly onSecret?: (secret: Secret) => void;
}

/**
 * Asks a registry whether it accepts the credential that an operation would use, without an engine: plain HTTP is
 * spoken on loopback only, since nobody's settings list another registry as insecure.
 *
 * @throws REGISTRY_UNAVAILABLE REGISTRY_TLS CREDENTIAL_HELPER_FAILED
 */
export function checkRegistryLogin(registry: string, options: RegistryLoginOptions = {}): Promise<LoginResult> {
  const { repository, env = process.env, credentials = [], onSecret: learnSecret = () => {} } = options;
  return withDeadline("login", options, async (signal) => {
    const credential = await createCredentialSource({ env, onSecret: learnSecret }, credentials)(registry, signal);
    const query = { registry, credential, insecure: isInsecureRegistry(registry, {}), signal, learnSecret };
    return checkLogin(repository === undefined ? query : { ...query, repository });
  });
}
