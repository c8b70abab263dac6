/** Asks a registry whether it accepts a credential. */
import type { Credential } from "../credentials/types.ts";
import { fail } from "../errors.ts";
import type { LoginResult } from "../types.ts";

export interface LoginQuery {
  /** As in a normalized reference: `docker.io`, `host:port`. */
  readonly registry: string;
  readonly repository?: string;
  readonly credential: Credential;
  readonly insecure: boolean;
  readonly signal: AbortSignal;
}

/** @throws REGISTRY_UNAVAILABLE REGISTRY_TLS REGISTRY_RATE_LIMITED */
export function checkLogin(query: LoginQuery): Promise<LoginResult> {
  return Promise.reject(fail("UNSUPPORTED", `the login at ${query.registry} cannot be checked yet`));
}
