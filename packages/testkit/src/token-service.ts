/**
 * A token service as registries have it: it checks a user and gives a token for what was asked, which ends soon.
 *
 * It speaks both protocols of distribution: `GET /token` with a basic credential (docs/spec/auth/token.md) and
 * `POST /token` with a password or an identity token (docs/spec/auth/oauth.md). Its tokens are random names for what it
 * remembers: no client may look into a token.
 */
import { randomBytes } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import type { RegistryUsers } from "./registry-process.ts";

export interface TokenServiceOptions {
  readonly users: RegistryUsers;
  /** Milliseconds that a token is good for. */
  readonly lifetimeMs: number;
  /** Whether who shows no credential gets tokens to pull with. */
  readonly anonymousPull: boolean;
}

/** How a token was asked for. */
export type TokenGrant = "anonymous" | "basic" | "password" | "refresh_token";

/** A request for a token, and what came of it. */
export interface TokenRequest {
  readonly grant: TokenGrant;
  /** Whom the credential belongs to; undefined where there was none or a wrong one. */
  readonly username: string | undefined;
  /** As they were asked for, e.g. `repository:app:pull,push`. */
  readonly scopes: readonly string[];
  readonly status: number;
}

interface Token {
  readonly grants: ReadonlySet<string>;
  readonly expiresAt: number;
}

interface Asked {
  readonly grant: TokenGrant;
  readonly username: string | undefined;
  readonly scopes: readonly string[];
  /** Whether the client wants an identity token as well. */
  readonly offline: boolean;
}

export class TokenService {
  /** Every request so far, in order. */
  readonly requests: TokenRequest[] = [];
  readonly #options: TokenServiceOptions;
  readonly #tokens = new Map<string, Token>();
  readonly #identities = new Map<string, string>();

  constructor(options: TokenServiceOptions) {
    this.#options = options;
  }

  /** Answers a request to `/token`. */
  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const asked = request.method === "POST" ? await this.#readPost(request) : this.#readGet(request);
    const status = asked.username === undefined && !this.#servesAnonymous(asked) ? 401 : 200;
    this.requests.push({ grant: asked.grant, username: asked.username, scopes: asked.scopes, status });
    response.writeHead(status, { "content-type": "application/json" });
    response.end(JSON.stringify(status === 200 ? this.#issue(asked) : UNAUTHORIZED));
  }

  /** Why a request with this header may not do all of that; undefined where it may. Each is `type:name:action`. */
  refuses(
    authorization: string | undefined,
    wanted: readonly string[],
  ): "none" | "invalid" | "insufficient" | undefined {
    const name = /^Bearer (.+)$/i.exec(authorization ?? "")?.[1];
    if (name === undefined) return "none";
    const token = this.#tokens.get(name);
    if (token === undefined || token.expiresAt <= Date.now()) return "invalid";
    return wanted.every((grant) => token.grants.has(grant)) ? undefined : "insufficient";
  }

  /** Ends every token that was given so far. Identity tokens stay good. */
  expireTokens(): void {
    this.#tokens.clear();
  }

  /** Makes a user's identity token, as a sign-in leaves it in a client's configuration. */
  identityToken(username: string): string {
    const identity = randomName();
    this.#identities.set(identity, username);
    return identity;
  }

  #servesAnonymous({ grant }: Asked): boolean {
    return grant === "anonymous" && this.#options.anonymousPull;
  }

  #readGet(request: IncomingMessage): Asked {
    const query = new URL(request.url ?? "", "http://token").searchParams;
    const { authorization } = request.headers;
    return {
      grant: authorization === undefined ? "anonymous" : "basic",
      username: userOf(authorization, this.#options.users),
      scopes: query.getAll("scope").flatMap(words),
      offline: query.get("offline_token") === "true",
    };
  }

  async #readPost(request: IncomingMessage): Promise<Asked> {
    const form = new URLSearchParams(await text(request));
    const grant = form.get("grant_type") === "refresh_token" ? "refresh_token" : "password";
    const name = form.get("username") ?? "";
    const known = this.#options.users[name] !== undefined && this.#options.users[name] === form.get("password");
    const username =
      grant === "password" ? (known ? name : undefined) : this.#identities.get(form.get("refresh_token") ?? "");
    return {
      grant,
      username,
      scopes: form.getAll("scope").flatMap(words),
      offline: form.get("access_type") === "offline",
    };
  }

  #issue({ username, scopes, offline }: Asked): object {
    const name = randomName();
    const grants = new Set(scopes.flatMap(eachAction));
    // Who is nobody may look and not touch.
    if (username === undefined) for (const grant of grants) if (!grant.endsWith(":pull")) grants.delete(grant);
    this.#tokens.set(name, { grants, expiresAt: Date.now() + this.#options.lifetimeMs });
    return {
      token: name,
      access_token: name,
      expires_in: Math.ceil(this.#options.lifetimeMs / 1_000),
      issued_at: new Date().toISOString(),
      scope: scopes.join(" "),
      ...(offline && username !== undefined ? { refresh_token: this.identityToken(username) } : {}),
    };
  }
}

/** The user whose basic credential this header holds; undefined for a wrong one and for none. */
export function userOf(authorization: string | undefined, users: RegistryUsers): string | undefined {
  const encoded = /^Basic (.+)$/i.exec(authorization ?? "")?.[1];
  if (encoded === undefined) return undefined;
  const credential = Buffer.from(encoded, "base64").toString("utf8");
  return Object.keys(users).find((name) => credential === `${name}:${users[name] ?? ""}`);
}

const UNAUTHORIZED = { errors: [{ code: "UNAUTHORIZED", message: "incorrect username or password" }] };

function randomName(): string {
  return randomBytes(24).toString("base64url");
}

function words(text: string): string[] {
  return text.split(" ").filter(Boolean);
}

/** `repository:app:pull,push` as one grant for each action. */
function eachAction(scope: string): string[] {
  const colon = scope.lastIndexOf(":");
  return scope
    .slice(colon + 1)
    .split(",")
    .map((action) => `${scope.slice(0, colon)}:${action}`);
}
