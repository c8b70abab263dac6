/**
 * Finds the credential for a registry where the docker CLI would: a helper for that registry, the store for all, the
 * configuration file; the first that has one wins.
 */
import { Secret } from "@container-kit/observability";
import { readDockerConfig } from "./config-file.ts";
import type { DockerConfig } from "./config-file.ts";
import { askHelper } from "./helper.ts";
import { keyMatches, registryKey, registryKeys } from "./registry-key.ts";
import type { Credential } from "./types.ts";

export interface ResolveOptions {
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly signal?: AbortSignal;
}

/**
 * The credential for a registry (`host[:port]`, or `docker.io`); with source `none` when there is none.
 *
 * @throws CREDENTIAL_HELPER_FAILED when the helper that is responsible fails
 */
export async function resolveCredential(registry: string, options: ResolveOptions = {}): Promise<Credential> {
  const env = options.env ?? process.env;
  const config = await readDockerConfig(env);
  const serverAddress = registryKey(registry);
  const helper = registryKeys(registry)
    .map((key) => config.credHelpers[key])
    .find((name) => name !== undefined);
  const signal = options.signal === undefined ? {} : { signal: options.signal };
  if (helper !== undefined) {
    const found = await askHelper(helper, registry, serverAddress, { env, ...signal });
    return found === null ? { source: "none", serverAddress } : { source: "helper", serverAddress, ...found };
  }
  if (config.credsStore !== undefined && config.credsStore !== "") {
    const found = await askHelper(config.credsStore, registry, serverAddress, { env, ...signal });
    if (found !== null) return { source: "store", serverAddress, ...found };
  }
  return fromFile(config, registry) ?? { source: "none", serverAddress };
}

function fromFile(config: DockerConfig, registry: string): Credential | null {
  const keys = Object.keys(config.auths);
  const key =
    registryKeys(registry).find((exact) => exact in config.auths) ??
    keys.find((candidate) => keyMatches(candidate, registry));
  const entry = key === undefined ? undefined : config.auths[key];
  if (entry === undefined) return null;
  const serverAddress = registryKey(registry);
  const decoded = entry.auth === undefined || entry.auth === "" ? null : decodeAuth(entry.auth);
  const username = decoded?.username ?? entry.username;
  const password = decoded?.password ?? entry.password;
  const credential: Credential = {
    source: "file",
    serverAddress,
    ...(username === undefined || username === "" ? {} : { username }),
    ...(password === undefined || password === "" ? {} : { password: new Secret(password) }),
    ...(entry.identitytoken ? { identityToken: new Secret(entry.identitytoken) } : {}),
    ...(entry.registrytoken ? { registryToken: new Secret(entry.registrytoken) } : {}),
  };
  const holdsSomething = credential.password ?? credential.identityToken ?? credential.registryToken;
  // `docker login` with a store leaves an empty entry behind: that is no credential.
  return holdsSomething === undefined ? null : credential;
}

/** `user:password` in base64; only the first colon separates, and NULs that old clients padded with go. */
function decodeAuth(auth: string): { username: string; password: string } | null {
  const text = Buffer.from(auth, "base64").toString("utf8");
  const colon = text.indexOf(":");
  if (colon === -1) return null;
  return { username: text.slice(0, colon), password: text.slice(colon + 1).replace(/\0+$/, "") };
}
