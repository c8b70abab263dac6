/** The door of the fault registry: who may come in, and what those are told who may not. */
import type { IncomingMessage } from "node:http";
import type { RegistryUsers } from "./registry-process.ts";
import { userOf } from "./token-service.ts";
import type { TokenService } from "./token-service.ts";

/** Returns the `WWW-Authenticate` header for a request that may not come in; undefined for one that may. */
export type Gate = (request: IncomingMessage) => string | undefined;

/** A door that asks for a password. */
export function basicGate(users: RegistryUsers): Gate {
  return ({ headers }) =>
    userOf(headers.authorization, users) === undefined ? 'Basic realm="container-kit"' : undefined;
}

/** A door that asks for a token of the service, which is found at `realm`. */
export function bearerGate(tokens: TokenService, realm: () => string): Gate {
  return (request) => {
    const wanted = wantedBy(request);
    const reason = tokens.refuses(
      request.headers.authorization,
      wanted.flatMap(({ name, actions }) => actions.map((action) => `${name}:${action}`)),
    );
    if (reason === undefined) return undefined;
    const scope = wanted.map(({ name, actions }) => `${name}:${actions.join(",")}`).join(" ");
    const error = { none: "", invalid: ',error="invalid_token"', insufficient: ',error="insufficient_scope"' }[reason];
    return `Bearer realm="${realm()}",service="container-kit"${scope === "" ? "" : `,scope="${scope}"`}${error}`;
  };
}

interface Access {
  /** `repository:NAME`. */
  readonly name: string;
  readonly actions: readonly string[];
}

/** What a request needs, as distribution's registry/handlers/app.go has it: a mount also needs to read its source. */
function wantedBy({ method = "GET", url = "" }: IncomingMessage): readonly Access[] {
  const { pathname, searchParams } = new URL(url, "http://registry");
  if (pathname === "/v2/_catalog") return [{ name: "registry:catalog", actions: ["*"] }];
  const name = /^\/v2\/(.+)\/(?:manifests|blobs|tags|referrers)\//.exec(pathname)?.[1];
  if (name === undefined) return [];
  const actions = { GET: ["pull"], HEAD: ["pull"], DELETE: ["delete"] }[method] ?? ["pull", "push"];
  const source = searchParams.get("from");
  return [
    { name: `repository:${name}`, actions },
    ...(source === null ? [] : [{ name: `repository:${source}`, actions: ["pull"] }]),
  ];
}
