/**
 * Answers a registry's challenge with a credential.
 *
 * - A1  Nothing is sent before the registry has asked for it.
 * - A2  A token realm gets the credential only when it belongs to the registry: the same host, or a host of the same
 *       registered domain over TLS (docker.io and auth.docker.io, registry.gitlab.com and gitlab.com). Any other realm
 *       is asked without a credential.
 */
import { z } from "zod";
import { fail } from "../errors.ts";
import type { Credential } from "../credentials/types.ts";
import type { Challenge } from "./challenge.ts";
import { requestRegistry } from "./http.ts";

export interface AuthorizeOptions {
  readonly challenge: Challenge;
  readonly credential: Credential;
  /** The registry's own origin. */
  readonly registry: URL;
  readonly scope: string;
  readonly signal: AbortSignal;
  readonly insecure: boolean;
}

const tokenAnswer = z.object({ token: z.string().optional(), access_token: z.string().optional() });

/** The `Authorization` header that answers the challenge, or null when we have nothing to answer with. */
export async function authorize(options: AuthorizeOptions): Promise<string | null> {
  const { challenge, credential } = options;
  if (credential.registryToken !== undefined) return `Bearer ${credential.registryToken.reveal()}`;
  return challenge.scheme === "basic" ? basic(credential) : bearer(options);
}

function basic({ username, password }: Credential): string | null {
  if (password === undefined) return null;
  return `Basic ${Buffer.from(`${username ?? ""}:${password.reveal()}`).toString("base64")}`;
}

async function bearer({
  challenge,
  credential,
  registry,
  scope,
  signal,
  insecure,
}: AuthorizeOptions): Promise<string | null> {
  if (challenge.realm === undefined || !URL.canParse(challenge.realm)) return null;
  const realm = new URL(challenge.realm);
  if (realm.protocol !== "https:" && realm.host !== registry.host) return null;
  if (challenge.service !== undefined) realm.searchParams.set("service", challenge.service);
  realm.searchParams.set("scope", challenge.scope ?? scope);
  const trusted = belongsTo(realm, registry);
  const authorization = trusted ? basic(credential) : null;
  const answer = await requestRegistry({
    method: "GET",
    url: realm,
    headers: authorization === null ? {} : { Authorization: authorization },
    signal,
    insecure: insecure && realm.hostname === registry.hostname,
  });
  if (answer.status === 401 || answer.status === 403) return null;
  if (answer.status !== 200) {
    throw fail("REGISTRY_UNAVAILABLE", `the token service ${realm.host} answered ${answer.status}`, {
      details: { registry: registry.host },
    });
  }
  const parsed = tokenAnswer.safeParse(parseJson(answer.body));
  const token = parsed.data?.token ?? parsed.data?.access_token;
  return token === undefined ? null : `Bearer ${token}`;
}

function belongsTo(realm: URL, registry: URL): boolean {
  if (realm.host === registry.host) return true;
  return (
    realm.protocol === "https:" &&
    registeredDomain(realm.hostname) === registeredDomain(registry.hostname) &&
    registry.hostname.includes(".")
  );
}

function registeredDomain(host: string): string {
  return host.split(".").slice(-2).join(".");
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
