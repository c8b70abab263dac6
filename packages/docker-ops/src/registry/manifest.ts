/**
 * Asks a registry for a manifest: the read-back that a push's success rests on (OCI distribution specification,
 * "Checking if content exists in the registry").
 */
import { fail } from "../errors.ts";
import type { Credential } from "../credentials/types.ts";
import { authorize } from "./authorize.ts";
import { parseChallenge } from "./challenge.ts";
import { requestRegistry } from "./http.ts";
import type { RegistryAnswer } from "./http.ts";

export interface ManifestQuery {
  /** As in a normalized reference: `docker.io`, `host:port`. */
  readonly registry: string;
  readonly repository: string;
  /** A tag or a digest. */
  readonly reference: string;
  readonly credential: Credential;
  readonly signal: AbortSignal;
  /** Plain HTTP and unknown certificates are accepted, because the engine accepts them for this registry. */
  readonly insecure: boolean;
}

export interface ManifestDescriptor {
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
export async function findManifest(query: ManifestQuery): Promise<ManifestDescriptor | null> {
  const origin = await findOrigin(query);
  const url = new URL(`/v2/${query.repository}/manifests/${query.reference}`, origin);
  const headers = { Accept: ACCEPT };
  const { signal, insecure } = query;
  let answer = await requestRegistry({ method: "HEAD", url, headers, signal, insecure });
  if (answer.status === 401) {
    const authorization = await answerChallenge(query, origin, answer);
    if (authorization !== null) {
      answer = await requestRegistry({
        method: "HEAD",
        url,
        headers: { ...headers, Authorization: authorization },
        signal,
        insecure,
      });
    }
  }
  return interpret(answer, query);
}

function answerChallenge(query: ManifestQuery, origin: URL, answer: RegistryAnswer): Promise<string | null> {
  const challenge = parseChallenge(answer.headers["www-authenticate"]);
  if (challenge === null) return Promise.resolve(null);
  const { credential, signal, insecure } = query;
  return authorize({
    challenge,
    credential,
    registry: origin,
    scope: `repository:${query.repository}:pull`,
    signal,
    insecure,
  });
}

function interpret(
  { status, headers }: RegistryAnswer,
  { registry, repository, reference }: ManifestQuery,
): ManifestDescriptor | null {
  const name = `${registry}/${repository}`;
  const details = { registry, repository, status };
  if (status === 200) {
    const digest = headers["docker-content-digest"];
    // A registry need not repeat the digest; when it was asked for by digest, a 200 confirms that one.
    const known = typeof digest === "string" ? digest : reference.includes(":") ? reference : "";
    return { digest: known, mediaType: headers["content-type"] ?? "" };
  }
  if (status === 404) return null;
  if (status === 401) throw fail("AUTH_FAILED", `${registry} did not accept the credentials for ${name}`, { details });
  if (status === 403) throw fail("REGISTRY_DENIED", `${registry} refuses to show ${name}`, { details });
  if (status === 429)
    throw fail("REGISTRY_RATE_LIMITED", `${registry} wants fewer requests`, {
      details: { ...details, retryAfter: headers["retry-after"] ?? null },
    });
  throw fail("REGISTRY_UNAVAILABLE", `${registry} answered ${status} for the manifest of ${name}`, { details });
}

/** Docker Hub's registry answers under another name than the one in references. */
const API_HOSTS: Readonly<Record<string, string>> = { "docker.io": "registry-1.docker.io" };

/** The registry's origin; an insecure one may speak TLS or not, which one question settles (as moby's registry client does). */
async function findOrigin({ registry, insecure, signal }: ManifestQuery): Promise<URL> {
  const host = API_HOSTS[registry] ?? registry;
  const secure = new URL(`https://${host}/`);
  if (!insecure) return secure;
  const plain = new URL(`http://${host}/`);
  const answer = await requestRegistry({ method: "GET", url: new URL("/v2/", plain), signal });
  return answer.status === 400 && /HTTPS/i.test(answer.body) ? secure : plain;
}
