/** Asks a registry whether it lets us push: what the engine keeps to itself while it tries again. */
import type { RegistryClient } from "./client.ts";
import { registryError } from "./registry-error.ts";

export interface PushRightQuery {
  readonly repository: string;
  readonly signal: AbortSignal;
}

/**
 * Begins an upload as a push does, and takes it back.
 *
 * @returns whether it may; null where the answer says nothing about it
 * @throws AUTH_FAILED REGISTRY_DENIED REGISTRY_RATE_LIMITED; REGISTRY_UNAVAILABLE REGISTRY_TLS when it cannot be asked
 */
export async function askPushRight(
  client: RegistryClient,
  { repository, signal }: PushRightQuery,
): Promise<true | null> {
  const scope = `repository:${repository}:pull,push`;
  const answer = await client.request({ method: "POST", path: `/v2/${repository}/blobs/uploads/`, scope, signal });
  const { status, headers, url } = answer;
  const withheld = answer.authorization?.withheld ?? false;
  // Without the credential, the answer says nothing about what the engine, which sends it, may do.
  if (status === 429 || ((status === 401 || status === 403) && !withheld)) {
    const { registry } = client;
    throw registryError(answer, {
      registry,
      doing: `take a push to ${registry}/${repository}`,
      details: { repository },
    });
  }
  if (status !== 202) return null;
  const location = headers.location;
  if (location !== undefined && URL.canParse(location, url.href)) {
    const upload = new URL(location, url);
    const removal = { method: "DELETE", path: upload.href, scope: `repository:${repository}:delete`, signal } as const;
    // An upload that stays behind is removed by the registry in time; it must not fail the question.
    if (upload.origin === url.origin) await client.request(removal).catch(() => undefined);
  }
  return true;
}
