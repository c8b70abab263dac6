/**
 * Answers a registry's challenge with a credential.
 *
 * - A1  Nothing is sent before the registry has asked for it.
 * - A2  A token realm gets the credential only when it belongs to the registry: the same host, or a host of the same
 *       registered domain over TLS (docker.io and auth.docker.io, registry.gitlab.com and gitlab.com). Any other realm
 *       is asked without a credential.
 * - A3  A link-local address is asked for nothing, unless the registry itself is there.
 */
import { Secret } from "@container-kit/observability";
import { z } from "zod";
import { fail } from "../errors.ts";
import type { Credential } from "../credentials/types.ts";
import type { Challenge } from "./challenge.ts";
import { jsonOf, requestRegistry } from "./http.ts";
import type { RegistryAnswer } from "./http.ts";
import { isLinkLocalHost } from "./link-local.ts";
import { belongsTo } from "./realm.ts";
import { registryError } from "./registry-error.ts";

export interface AuthorizeOptions {
  readonly challenge: Challenge;
  readonly credential: Credential;
  /** The registry's own origin. */
  readonly registry: URL;
  /** What is asked for, as `repository:NAME:pull`; empty for no more than being known. */
  readonly scope: string;
  readonly signal: AbortSignal;
  readonly insecure: boolean;
}

/** What can be sent to the registry. */
export interface Authorization {
  /** The `Authorization` header; null when we have nothing to answer with. */
  readonly header: Secret | null;
  /** A credential is there, and the token service was not given it (A2, A3). */
  readonly withheld: boolean;
}

const NOTHING: Authorization = { header: null, withheld: false };
const tokenAnswer = z.object({ token: z.string().optional(), access_token: z.string().optional() });

/** What a header can carry of a token; RFC 6750 has still fewer characters. */
const TOKEN = /^[\x21-\x7e]+$/;

/** How the token service knows us (`client_id` of its OAuth2 form). */
const CLIENT = "container-kit";

/** @throws REGISTRY_UNAVAILABLE REGISTRY_RATE_LIMITED REGISTRY_TLS when the token service cannot be asked */
export async function authorize(options: AuthorizeOptions): Promise<Authorization> {
  const { challenge, credential } = options;
  if (credential.registryToken !== undefined) {
    const token = credential.registryToken.reveal();
    if (TOKEN.test(token)) return bearerHeader(token);
    throw fail(
      "AUTH_FAILED",
      `the token that is configured for ${options.registry.host} is one that no header can carry`,
      {
        details: { registry: options.registry.host, credentialSource: credential.source },
      },
    );
  }
  if (challenge.scheme === "bearer") return bearer(options);
  const header = basic(credential);
  return header === null ? NOTHING : { header: new Secret(header), withheld: false };
}

function basic({ username, password }: Credential): string | null {
  if (password === undefined) return null;
  return `Basic ${Buffer.from(`${username ?? ""}:${password.reveal()}`).toString("base64")}`;
}

function bearerHeader(token: string): Authorization {
  return { header: new Secret(`Bearer ${token}`), withheld: false };
}

async function bearer(options: AuthorizeOptions): Promise<Authorization> {
  const { challenge, credential, registry } = options;
  const holds = credential.password !== undefined || credential.identityToken !== undefined;
  const withheld: Authorization = { header: null, withheld: holds };
  if (challenge.realm === undefined || !URL.canParse(challenge.realm)) return withheld;
  const realm = new URL(challenge.realm);
  const isRegistry = realm.host === registry.host;
  if (realm.protocol !== "https:" && !(realm.protocol === "http:" && isRegistry)) return withheld;
  if (isLinkLocalHost(realm.hostname) && realm.hostname !== registry.hostname) return withheld;
  const trusted = belongsTo(realm, registry);
  const answer = await askTokenService(realm, trusted, options);
  if (answer.status === 401 || answer.status === 403) return trusted ? NOTHING : withheld;
  if (answer.status !== 200) {
    throw registryError(answer, { registry: realm.host, doing: "give a token", details: { registry: registry.host } });
  }
  const parsed = tokenAnswer.safeParse(jsonOf(answer));
  const token = parsed.data?.token ?? parsed.data?.access_token;
  if (token === undefined || token === "") return trusted ? NOTHING : withheld;
  if (!TOKEN.test(token)) {
    throw fail("REGISTRY_UNAVAILABLE", `the token service ${realm.host} gives a token that no header can carry`, {
      details: { registry: registry.host },
    });
  }
  return { ...bearerHeader(token), withheld: holds && !trusted };
}

/** The token's GET form with user and password, and its OAuth2 form with an identity token (distribution, auth/oauth). */
function askTokenService(realm: URL, trusted: boolean, options: AuthorizeOptions): Promise<RegistryAnswer> {
  const { challenge, credential, registry, scope, signal, insecure } = options;
  const fields = {
    ...(challenge.service === undefined ? {} : { service: challenge.service }),
    ...((challenge.scope ?? scope) === "" ? {} : { scope: challenge.scope ?? scope }),
  };
  const common = {
    signal,
    insecure: insecure && realm.hostname === registry.hostname,
    refuseLinkLocal: realm.hostname !== registry.hostname,
  };
  if (trusted && credential.identityToken !== undefined) {
    const form = { grant_type: "refresh_token", ...fields, client_id: CLIENT };
    const body = new URLSearchParams({ ...form, refresh_token: credential.identityToken.reveal() }).toString();
    const headers = { "Content-Type": "application/x-www-form-urlencoded" };
    return requestRegistry({ method: "POST", url: realm, headers, body, ...common });
  }
  const url = new URL(realm);
  for (const [name, value] of Object.entries(fields)) url.searchParams.set(name, value);
  const authorization = trusted ? basic(credential) : null;
  const headers = authorization === null ? {} : { Authorization: authorization };
  return requestRegistry({ method: "GET", url, headers, ...common });
}
