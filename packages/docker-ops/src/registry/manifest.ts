/**
 * Asks a registry for a manifest: the read-back that a push's success rests on (OCI distribution specification,
 * "Checking if content exists in the registry").
 */
import { createHash } from "node:crypto";
import type { ClientAnswer, RegistryClient } from "./client.ts";
import { registryError } from "./registry-error.ts";

export interface ManifestQuery {
  readonly repository: string;
  /** A tag or a digest. */
  readonly reference: string;
  readonly signal: AbortSignal;
}

export interface ManifestDescriptor {
  /** As the registry tells it; hashed from the manifest itself where it does not tell. */
  readonly digest: string;
  readonly mediaType: string;
}

const ACCEPT = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.docker.distribution.manifest.v2+json",
].join(", ");

/**
 * @returns null when the registry says that there is no such manifest
 * @throws AUTH_FAILED REGISTRY_DENIED REGISTRY_UNAVAILABLE REGISTRY_RATE_LIMITED REGISTRY_TLS
 */
export async function findManifest(client: RegistryClient, query: ManifestQuery): Promise<ManifestDescriptor | null> {
  const head = await ask(client, query, "HEAD");
  if (head === null) return null;
  const mediaType = head.headers["content-type"] ?? "";
  const told = head.headers["docker-content-digest"];
  if (typeof told === "string" && told !== "") return { digest: told, mediaType };
  const whole = await ask(client, query, "GET");
  if (whole === null) return null;
  return { digest: `sha256:${createHash("sha256").update(whole.body).digest("hex")}`, mediaType };
}

async function ask(
  client: RegistryClient,
  { repository, reference, signal }: ManifestQuery,
  method: "GET" | "HEAD",
): Promise<ClientAnswer | null> {
  const answer = await client.request({
    method,
    path: `/v2/${repository}/manifests/${reference}`,
    scope: `repository:${repository}:pull`,
    headers: { Accept: ACCEPT },
    signal,
  });
  if (answer.status === 200) return answer;
  if (answer.status === 404) return null;
  const { registry } = client;
  throw registryError(answer, {
    registry,
    doing: `show ${registry}/${repository}`,
    details: { repository },
    withheld: answer.authorization?.withheld ?? false,
  });
}
