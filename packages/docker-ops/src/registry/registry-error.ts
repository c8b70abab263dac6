/** What a registry's status means: the one place that turns it into our codes. */
import { fail } from "../errors.ts";
import type { DockerErrorCode } from "../errors.ts";
import type { RegistryAnswer } from "./http.ts";
import { retryAfterMs } from "./retry-after.ts";

export interface RegistryErrorContext {
  readonly registry: string;
  /** What was asked of it, as in "refuses to …". */
  readonly doing: string;
  readonly details?: Readonly<Record<string, unknown>>;
  /** A credential is there and was kept from the token service. */
  readonly withheld?: boolean;
}

const CODES: Readonly<Record<number, DockerErrorCode>> = {
  401: "AUTH_FAILED",
  403: "REGISTRY_DENIED",
  429: "REGISTRY_RATE_LIMITED",
};

/** The error for an answer that is no success. */
export function registryError({ status, headers }: RegistryAnswer, context: RegistryErrorContext): Error {
  const { registry, doing, withheld = false } = context;
  const code = CODES[status] ?? "REGISTRY_UNAVAILABLE";
  const wait = status === 429 ? retryAfterMs(headers["retry-after"]) : null;
  const details = { registry, ...context.details, status, ...(wait === null ? {} : { retryAfterMs: wait }) };
  if (status === 401 && withheld) {
    return fail(code, `${registry} names a token service that is not its own, which was not given the credential`, {
      details,
      remedy: "Name the registry by a host of the same domain as its token service.",
    });
  }
  const texts: Partial<Record<DockerErrorCode, string>> = {
    AUTH_FAILED: `${registry} did not accept the credentials to ${doing}`,
    REGISTRY_DENIED: `${registry} refuses to ${doing}`,
    REGISTRY_RATE_LIMITED: `${registry} wants fewer requests`,
  };
  return fail(code, texts[code] ?? `${registry} answered ${status} when asked to ${doing}`, { details });
}
