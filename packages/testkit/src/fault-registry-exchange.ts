import type { IncomingMessage, ServerResponse } from "node:http";
import type { RegistryFault, RegistryFaultRule, SeenRegistryRequest } from "./fault-registry-faults.ts";
import { forwardToRegistry } from "./fault-registry-forward.ts";
import { RuleBook } from "./fault-rules.ts";
import type { Gate } from "./registry-gate.ts";
import type { RegistryAccess } from "./registry.ts";
import type { TokenService } from "./token-service.ts";

/** What the fault registry remembers. */
export class RegistryState extends RuleBook<RegistryFaultRule> {
  readonly seen: SeenRegistryRequest[] = [];
}

/** One request, and all that it takes to answer it. */
export interface RegistryExchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** The real registry, and as whom to speak to it. */
  readonly behind: Required<RegistryAccess>;
  /** How clients come. */
  readonly scheme: "http" | "https";
  readonly gate: Gate;
  readonly tokens: TokenService;
  readonly state: RegistryState;
}

/** Answers a request: with a fault, at the door, as the token service, or from the real registry. */
export async function answerExchange(exchange: RegistryExchange): Promise<void> {
  const { request, response, state, gate, tokens } = exchange;
  // A client that goes away in the middle is no trouble of ours.
  for (const stream of [request, response]) stream.on("error", () => undefined);
  const [method = "", path = ""] = [request.method, request.url];
  state.seen.push({ method, path, headers: request.headers });
  const isToken = path.startsWith("/token");
  const challenge = isToken ? undefined : gate(request);
  const fault = state.take(method, path, (rule) => rule.signedIn !== true || challenge === undefined)?.fault;
  if (fault !== undefined && (await speakInstead(exchange, fault))) return;
  if (challenge !== undefined) refuse(exchange, challenge);
  else if (isToken) await tokens.answer(request, response);
  else await forwardToRegistry({ ...exchange, fault });
}

/** Does what a fault does without the registry. Returns false for one that is done to the registry's answer. */
async function speakInstead({ request, response }: RegistryExchange, fault: RegistryFault): Promise<boolean> {
  if (fault.kind === "reset") {
    await untilBytes(request, fault.afterBytes ?? 0);
    request.socket.destroy();
  } else if (fault.kind === "answer") {
    response.writeHead(fault.status, { "content-type": "application/json", ...fault.headers });
    response.end(fault.body ?? "");
  } else if (fault.kind !== "hang") return false;
  request.resume();
  return true;
}

function refuse({ request, response }: RegistryExchange, challenge: string): void {
  request.resume();
  response.writeHead(401, {
    "content-type": "application/json",
    "docker-distribution-api-version": "registry/2.0",
    "www-authenticate": challenge,
  });
  response.end('{"errors":[{"code":"UNAUTHORIZED","message":"authentication required","detail":null}]}');
}

/** Resolves once so many bytes of a request's body have come, or all of it, or the client is gone. */
function untilBytes(request: IncomingMessage, bytes: number): Promise<void> {
  if (bytes === 0) return Promise.resolve();
  return new Promise((resolve) => {
    let seen = 0;
    request.on("data", (chunk: Buffer) => {
      seen += chunk.length;
      if (seen >= bytes) resolve();
    });
    for (const end of ["end", "close"]) request.once(end, () => resolve());
  });
}
