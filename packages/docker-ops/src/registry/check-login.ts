/** Asks a registry whether it accepts a credential. */
import type { Secret } from "@container-kit/observability";
import { z } from "zod";
import type { Credential } from "../credentials/types.ts";
import { fail } from "../errors.ts";
import { normalizeReference } from "../reference/normalize.ts";
import type { LoginResult } from "../types.ts";
import { openRegistry } from "./client.ts";
import type { ClientAnswer } from "./client.ts";
import { registryError } from "./registry-error.ts";

export interface LoginQuery {
  /** As in a normalized reference: `docker.io`, `host:port`. */
  readonly registry: string;
  /** Without the registry. */
  readonly repository?: string;
  readonly credential: Credential;
  readonly insecure: boolean;
  readonly signal: AbortSignal;
  /** Is told of the tokens that the registry gives. */
  readonly learnSecret?: (secret: Secret) => void;
}

/** @throws INVALID_INPUT REGISTRY_UNAVAILABLE REGISTRY_TLS REGISTRY_RATE_LIMITED REGISTRY_DENIED */
export async function checkLogin(query: LoginQuery): Promise<LoginResult> {
  const { registry, credential, signal } = query;
  const repository = repositoryOf(query);
  const { source, username, problem } = credential;
  const scope = repository === undefined ? "" : `repository:${repository}:pull,push`;
  const client = openRegistry(query);
  const answer = await client.request({ method: "GET", path: "/v2/", scope, signal });
  const scopes = answer.challenge?.scheme === "bearer" ? grantedScopes(answer) : undefined;
  return {
    registry,
    source,
    ...(username === undefined ? {} : { username }),
    ...judge(answer, query),
    ...(scopes === undefined ? {} : { scopes }),
    warnings: problem === undefined ? [] : [problem],
  };
}

/** As the registry itself calls it: with `library/` where docker adds it. */
function repositoryOf({ registry, repository }: LoginQuery): string | undefined {
  try {
    const reference = normalizeReference(`${registry}/${repository ?? "name"}`);
    if (!registry.includes("/") && reference.tag === undefined && reference.digest === undefined)
      return repository === undefined ? undefined : reference.repository;
  } catch {
    // The sentence below says it of both names.
  }
  throw fail("INVALID_INPUT", `${[registry, repository].join("/")} names no repository of a registry`, {
    details: { registry, ...(repository === undefined ? {} : { repository }) },
    remedy: "Name the registry as host or host:port, and the repository without registry and tag.",
  });
}

function judge(answer: ClientAnswer, { registry, credential }: LoginQuery): Pick<LoginResult, "valid" | "reason"> {
  const { status, challenge, authorization } = answer;
  if (!isRegistry(answer)) {
    throw fail("REGISTRY_UNAVAILABLE", `${registry} answers, and not as a registry does: status ${status}`, {
      details: { registry, status },
      remedy: "Check the host and port; a registry answers below /v2/.",
    });
  }
  if (status === 200 && challenge === null) return { valid: true, reason: "the registry asks for no credential" };
  if (credential.source === "none") {
    const anonymous = status === 200 ? "; it lets anybody in, for what is public" : "";
    return { valid: false, reason: `there is no credential for ${registry}${anonymous}` };
  }
  if (authorization?.withheld === true) {
    return {
      valid: false,
      reason: `${registry} names a token service that is not its own, which was not given the credential`,
    };
  }
  if (status === 200) return { valid: true, reason: "the registry accepted the credential" };
  if (status === 401) {
    const who = credential.username === undefined ? "the credential" : `the credential of ${credential.username}`;
    return { valid: false, reason: `${registry} did not accept ${who}` };
  }
  throw registryError(answer, { registry, doing: "check a credential" });
}

/** The specification has `/v2/` answer 200 or 401, and a web server has other things to say there. */
function isRegistry({ status, headers, challenge }: ClientAnswer): boolean {
  if (status === 404 || (status >= 300 && status < 400)) return false;
  if (status === 401) return challenge !== null;
  const isPage = /html/i.test(headers["content-type"] ?? "");
  return status !== 200 || !isPage || headers["docker-distribution-api-version"] !== undefined;
}

/** The claim of the token specification that tells what was granted. */
const claims = z.object({
  access: z.array(z.object({ type: z.string(), name: z.string(), actions: z.array(z.string()) })).nullable(),
});

/** What a token grants, where it is a JWT that tells; it is not verified, as it is the registry's to trust. */
function grantedScopes({ authorization }: ClientAnswer): readonly string[] | undefined {
  const payload = authorization?.header?.reveal().split(".")[1];
  if (payload === undefined) return undefined;
  try {
    const parsed = claims.safeParse(JSON.parse(Buffer.from(payload, "base64url").toString("utf8")));
    return parsed.data?.access?.map(({ type, name, actions }) => `${type}:${name}:${actions.join(",")}`);
  } catch {
    return undefined;
  }
}
