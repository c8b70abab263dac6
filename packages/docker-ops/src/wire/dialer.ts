import type http from "node:http";
import type { EngineEndpoint } from "../endpoint/types.ts";
import type { Via } from "../types.ts";

/** The part of a request's options that says where it goes. */
export type DialOptions = Pick<
  http.RequestOptions,
  "socketPath" | "host" | "port" | "agent" | "protocol" | "createConnection"
>;

/** Makes connections to one endpoint. */
export interface Dialer {
  /** A connection that is kept for the next question. */
  kept(): DialOptions;
  /** A connection for one request. */
  once(): DialOptions;
  /** Lets go of kept connections that are idle. */
  renew(): void;
  close(): void;
}

/** Endpoints that are reached by the docker program, because only it knows the way. */
export function viaOf({ host }: EngineEndpoint): Via {
  return /^(?:unix|npipe|tcp|https?):\/\//.test(host) ? "api" : "docker-cli";
}

/** Those that are in use stay: somebody waits for an answer there. */
export function dropIdle({ freeSockets }: http.Agent): void {
  for (const socket of Object.values(freeSockets).flat()) socket?.destroy();
}
