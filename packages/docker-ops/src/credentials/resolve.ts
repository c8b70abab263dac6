/**
 * Finds the credential for a registry: what the caller named outright, else where the docker CLI would look: a helper
 * for that registry, the store for all, the configuration file. The first that has one wins.
 */
import { readDockerConfig } from "./config-file.ts";
import { isReadable, readEntry } from "./entry.ts";
import { askHelper } from "./helper.ts";
import { entryFor, explicitCredential } from "./reference.ts";
import type { CredentialReference } from "./reference.ts";
import { registryKey, registryKeys } from "./registry-key.ts";
import type { Credential } from "./types.ts";

/** Where a credential is looked for. */
export interface ResolveOptions {
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly signal?: AbortSignal;
  /** Credentials that the caller names outright; they win, and no helper is run where one of them serves. */
  readonly credentials?: readonly CredentialReference[];
}

/**
 * The credential for a registry (`host[:port]`, or `docker.io`); with source `none` when there is none.
 *
 * @throws CREDENTIAL_HELPER_FAILED when the helper that is responsible fails, INVALID_INPUT when an explicit reference
 * leads nowhere
 */
export async function resolveCredential(registry: string, options: ResolveOptions = {}): Promise<Credential> {
  const { env = process.env, credentials = [], signal } = options;
  const explicit = await explicitCredential(registry, credentials, env);
  if (explicit !== null) return explicit;
  const config = await readDockerConfig(env);
  const serverAddress = registryKey(registry);
  const helperOptions = signal === undefined ? { env } : { env, signal };
  const helperKey = registryKeys(registry).find((key) => Object.hasOwn(config.credHelpers, key));
  // An empty name is the file, also where there is a store for all the others (docker/cli `getConfiguredCredentialStore`).
  const helper = helperKey === undefined ? undefined : config.credHelpers[helperKey];
  if (helper !== undefined && helper !== "") {
    const found = await askHelper(helper, registry, serverAddress, helperOptions);
    return found === null ? { source: "none", serverAddress } : { source: "helper", serverAddress, ...found };
  }
  if (helper === undefined && config.credsStore !== undefined) {
    const found = await askHelper(config.credsStore, registry, serverAddress, helperOptions);
    if (found !== null) return { source: "store", serverAddress, ...found };
  }
  const entry = entryFor(config.auths, registry);
  const found = entry === null ? null : readEntry(entry);
  const problem =
    entry === null || isReadable(entry)
      ? config.problem
      : `the entry of ${registry} in ${config.folder} cannot be read`;
  return {
    source: found === null ? "none" : "file",
    serverAddress,
    ...found,
    ...(problem === null ? {} : { problem }),
  };
}
