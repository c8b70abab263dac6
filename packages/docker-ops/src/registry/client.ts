/**
 * Talks to one registry for the length of one operation, and remembers what it learnt: whether it speaks TLS, how it
 * wants to be answered, and the tokens it gave.
 *
 * - C1  The first request goes alone, and others wait for how it is answered. So a challenge is met once per operation.
 * - C2  A token that is refused is renewed once per request.
 * - C3  A credential goes out only in answer to a challenge, and so never to a plain connection that turns out to be TLS.
 */
import { Secret } from "@container-kit/observability";
import type { Credential } from "../credentials/types.ts";
import { authorize } from "./authorize.ts";
import type { Authorization } from "./authorize.ts";
import { parseChallenge } from "./challenge.ts";
import type { Challenge } from "./challenge.ts";
import { requestRegistry } from "./http.ts";
import type { RegistryAnswer, RegistryRequest } from "./http.ts";

export interface RegistryAccess {
  /** As in a normalized reference: `docker.io`, `host:port`. */
  readonly registry: string;
  readonly credential: Credential;
  /** Plain HTTP and unknown certificates are accepted, because the engine accepts them for this registry. */
  readonly insecure: boolean;
  /** Is told of the tokens that the registry gives. */
  readonly learnSecret?: (secret: Secret) => void;
}

interface ClientRequest {
  readonly method: RegistryRequest["method"];
  /** From `/v2/` on, or a whole URL of the same registry. */
  readonly path: string;
  /** `repository:NAME:ACTIONS`, or empty. */
  readonly scope: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

export interface ClientAnswer extends RegistryAnswer {
  /** What was sent along last. */
  readonly authorization: Authorization | null;
  /** How the registry asked for a credential; null when it did not. */
  readonly challenge: Challenge | null;
  readonly url: URL;
}

export interface RegistryClient {
  readonly registry: string;
  /** @throws REGISTRY_UNAVAILABLE REGISTRY_TLS; REGISTRY_RATE_LIMITED from a token service */
  request(request: ClientRequest): Promise<ClientAnswer>;
  /** Learns how the registry wants to be asked, without asking for anything; a failure is left to the next request. */
  greet(signal: AbortSignal): Promise<void>;
}

/** Docker Hub's registry answers under another name than the one in references. */
const API_HOSTS: ReadonlyMap<string, string> = new Map([
  ["docker.io", "registry-1.docker.io"],
  ["index.docker.io", "registry-1.docker.io"],
]);

export function openRegistry(access: RegistryAccess): RegistryClient {
  const { registry, credential, insecure, learnSecret } = access;
  const wire = openWire(API_HOSTS.get(registry) ?? registry, insecure);
  const tokens = new Map<string, Promise<Authorization>>();
  let challenge: Challenge | null = null;
  let first: Promise<unknown> | null = null;

  const authorizeFor = (asked: Challenge, { scope, signal }: ClientRequest): Promise<Authorization> => {
    const known = tokens.get(scope);
    if (known !== undefined) return known;
    const options = { challenge: asked, credential, registry: wire.origin(), scope, signal, insecure };
    const fresh = authorize(options).then((authorization) => {
      // Without its scheme: that is how it may turn up elsewhere.
      if (authorization.header !== null) learnSecret?.(new Secret(authorization.header.reveal().replace(/^\w+ /, "")));
      return authorization;
    });
    tokens.set(scope, fresh);
    // What failed is asked for anew by the next request; this one gets the failure itself.
    fresh.catch(() => tokens.delete(scope));
    return fresh;
  };

  const learn = ({ status, headers }: RegistryAnswer): Challenge | null => {
    const asked = status === 401 ? parseChallenge(headers["www-authenticate"]) : null;
    if (asked !== null) {
      const { scope: _its, ...general } = asked;
      challenge = general;
    }
    return asked;
  };

  /** C1. */
  const inTurn = async <Result>(signal: AbortSignal, run: () => Promise<Result>): Promise<Result> => {
    if (first !== null) {
      await ending(first, signal);
      return run();
    }
    const own = run();
    first = own;
    return own;
  };

  const meet = async (request: ClientRequest) => {
    const given = challenge === null ? null : authorizeFor(challenge, request);
    const authorization = await given;
    const answer = await wire.send(request, authorization);
    return { given, authorization, answer, asked: learn(answer) };
  };

  const send = async (request: ClientRequest): Promise<ClientAnswer> => {
    const { given, authorization, answer, asked } = await inTurn(request.signal, () => meet(request));
    const used = authorization?.header ?? null;
    // A password that is refused is refused; a token may have expired (C2).
    if (asked === null || (used !== null && asked.scheme === "basic")) return { ...answer, authorization, challenge };
    if (given !== null && tokens.get(request.scope) === given) tokens.delete(request.scope);
    const renewed = await authorizeFor(asked, request);
    const isAnother = renewed.header !== null && renewed.header.reveal() !== used?.reveal();
    return { ...(isAnother ? await wire.send(request, renewed) : answer), authorization: renewed, challenge };
  };

  return {
    registry,
    request: send,
    greet: async (signal) => {
      const question: ClientRequest = { method: "GET", path: "/v2/", scope: "", signal };
      await inTurn(signal, async () => learn(await wire.send(question, null))).catch(() => undefined);
    },
  };
}

/** Waits for it, however it ends. One that ended together with the operation says why: nothing is asked any more. */
async function ending(request: Promise<unknown>, signal: AbortSignal): Promise<void> {
  try {
    await request;
  } catch (error) {
    if (signal.aborted) throw error;
  }
}

interface Wire {
  origin(): URL;
  send(request: ClientRequest, authorization: Authorization | null): Promise<RegistryAnswer & { url: URL }>;
}

/** A secure registry speaks TLS. An insecure one is tried without; one that wants TLS says so or breaks the connection. */
function openWire(host: string, insecure: boolean): Wire {
  const secure = new URL(`https://${host}/`);
  const plain = new URL(`http://${host}/`);
  let origin = insecure ? plain : secure;
  let settled = !insecure;

  const sendTo = async (base: URL, request: ClientRequest, authorization: Authorization | null) => {
    const url = new URL(request.path, base);
    const { method, signal } = request;
    const header = authorization?.header ?? null;
    // A path that is a URL of somewhere else must not carry the credential there.
    const mayAuthorize = header !== null && url.origin === base.origin;
    const headers = { ...request.headers, ...(mayAuthorize ? { Authorization: header.reveal() } : {}) };
    return { ...(await requestRegistry({ method, url, headers, signal, insecure })), url };
  };

  const settle = async (request: ClientRequest) => {
    try {
      const answer = await sendTo(plain, request, null);
      const question = { method: "GET", path: "/v2/", scope: "", signal: request.signal } as const;
      const wantsTls = answer.status === 400 && /https/i.test((await sendTo(plain, question, null)).body.toString());
      if (!wantsTls) {
        settled = true;
        return answer;
      }
    } catch (error) {
      if (request.signal.aborted || !isNotHttp(error)) throw error;
    }
    const answer = await sendTo(secure, request, null);
    origin = secure;
    settled = true;
    return answer;
  };

  return {
    origin: () => origin,
    send: (request, authorization) => (settled ? sendTo(origin, request, authorization) : settle(request)),
  };
}

/** A server that speaks TLS answers plain HTTP with a broken connection or with bytes that are no HTTP. */
function isNotHttp(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error && "code" in cause && /^(?:ECONNRESET|EPIPE|HPE_.+)$/.test(String(cause.code));
}
